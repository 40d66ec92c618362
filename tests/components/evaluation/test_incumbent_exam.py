"""The champion answers as it would be served, whatever the candidate's settings are."""

import json
import shutil
from dataclasses import replace

import pyarrow.compute as pc
import pytest

from components.encoders.behavior_vectors import encode_histories
from components.evaluation.arms import answer_as
from components.evaluation.exam import Exam
from components.evaluation.incumbent_exam import (
    IncomparableError,
    answer_incumbent,
    reword_inputs,
)
from components.evaluation.predictions import conform_table
from components.tasks.lamp import LAMP_2
from components.training.train import Artifacts
from components.user_embedder.embedder_folder import EmbedderFolder
from tests.components.tiny_world import LLM, TASK

OTHER_LLM = LLM.model_copy(update={"reads": "input", "max_input_length": 8, "num_beams": 3})
OTHER_TASK = LAMP_2.model_copy(
    update={"prompt": "A tag, please: {payload}", "labels": LAMP_2.labels[:3]}
)


@pytest.fixture(scope="module")
def persona(loud):
    return loud.arm("persona")


@pytest.fixture(scope="module")
def own_answers(exam, persona):
    """What it answers where the candidate has its very settings."""
    examples = exam.examples(exam.question_rows())
    return answer_as(exam, persona, True, [examples])[0]


@pytest.fixture(scope="module")
def other_vectors(artifacts, recipe, tmp_path_factory):
    """The items as an encoder reads them that has another prompt."""
    other = recipe.encoder.model_copy(update={"prompt": "a film: "})
    texts = list(artifacts.histories.items["text"])
    directory = tmp_path_factory.mktemp("other_vectors")
    return encode_histories(texts, TASK.item_template, other, directory)


def ask(exam, plug_in, task=TASK, llm=LLM):
    table = answer_incumbent(exam, plug_in, task, llm, ["champion"])
    return table.filter(pc.equal(table["arm"], "champion"))["prediction"].to_pylist()


def change(exam, **settings):
    return replace(exam, recipe=exam.recipe.model_copy(update=settings))


CUTS = ("", "_history_0", "_history_2")


def edit_card(plug_in, directory, **changes):
    """Return a copy of a user embedder whose card says something else of the encoder."""
    shutil.copytree(plug_in.path, directory)
    path = directory / "user_embedder.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return EmbedderFolder.at(directory)


def test_with_the_candidates_settings_it_answers_as_persona_does(exam, persona, own_answers):
    table = answer_incumbent(exam, persona, TASK, LLM, ["champion", "reference"])
    conform_table("predictions", table)
    arms = {f"{office}{cut}" for office in ("champion", "reference") for cut in CUTS}
    assert set(table["arm"].to_pylist()) == arms
    assert ask(exam, persona) == own_answers


def test_it_asks_the_llm_in_its_own_way(exam, persona, own_answers):
    today = change(exam, llm=OTHER_LLM, task=OTHER_TASK)
    assert ask(today, persona) == own_answers
    assert not set(own_answers) <= set(OTHER_TASK.labels)


def test_a_champion_that_reads_prompts_reads_its_own(exam, persona, artifacts):
    """Today's questions are worded in another way; it is served with its own words."""
    reads_prompts = LLM.model_copy(update={"reads": "input"})
    alone = ask(change(exam, llm=reads_prompts), persona, llm=reads_prompts)
    questions = artifacts.histories.questions
    assert questions[0]["input"] == TASK.render_prompt(questions[0]["payload"])
    assert ask(change(exam, task=OTHER_TASK), persona, llm=reads_prompts) == alone
    reworded = TASK.model_copy(update={"prompt": OTHER_TASK.prompt})
    assert ask(exam, persona, task=reworded, llm=reads_prompts) != alone


def test_where_only_the_encoder_differs_it_reads_vectors_of_its_own(
    exam, persona, own_answers, other_vectors
):
    artifacts = Artifacts(exam.artifacts.histories, other_vectors, exam.artifacts.llm)
    today = Exam(artifacts, exam.recipe)
    assert ask(today, persona) == own_answers
    [misread] = answer_as(today, persona, True, [today.examples(today.question_rows())])
    assert misread != own_answers


def test_questions_without_history_need_no_vectors(exam, persona, other_vectors):
    histories = exam.artifacts.histories
    cold = histories.questions.map(
        lambda row: {"history": []}, features=histories.questions.features
    )

    class Cold:
        items, questions = histories.items, cold

    today = Exam(Artifacts(Cold(), other_vectors, exam.artifacts.llm), exam.recipe)
    assert len(ask(today, persona)) == len(today.question_rows())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"history_template": "{description}"}, "items by task.item_template '{description}', not"),
        ({"show_outputs": False}, "items by task.item_template 'description: {description}', not"),
        ({"input_field": "plot"}, "items by task.input_field 'plot', not 'description'"),
        ({"payload_template": "a {payload}"}, "inputs by task.payload_template 'a {payload}', not"),
    ],
)
def test_what_is_rendered_in_another_way_cannot_be_asked(exam, persona, change, said):
    own = TASK.model_copy(update=change)
    with pytest.raises(IncomparableError) as caught:
        ask(exam, persona, task=own)
    assert str(caught.value).startswith(f"reads {said}")


def test_a_guessed_payload_may_not_fit_the_champions_words():
    own = TASK.model_copy(update={"prompt": "{a}: {b}", "payload_template": "{a}, {b}"})
    assert reword_inputs(["1, 2"], own) == ["1: 2"]
    with pytest.raises(IncomparableError, match="has a prompt of its own; task LaMP_2: an"):
        reword_inputs(["1, 2", "12"], own)


def test_an_encoder_that_is_gone_or_another_today_is_said(exam, persona, recipe, tmp_path):
    elsewhere = recipe.encoder.model_copy(update={"name": str(tmp_path / "gone")}).model_dump()
    lost = edit_card(persona, tmp_path / "lost", encoder_fingerprint="old", encoder=elsewhere)
    with pytest.raises(IncomparableError, match=r"reads vectors of a lost encoder \(enc"):
        ask(exam, lost)
    changed = edit_card(persona, tmp_path / "changed", encoder_fingerprint="old")
    with pytest.raises(IncomparableError, match="reads behavior vectors old, where its"):
        ask(exam, changed)
