"""A questions file answered as in the evaluation, batch by batch, complete or not at all."""

import json
import logging
from dataclasses import replace

import pytest

from components.evaluation.arms import answer_as
from components.histories.simulator import simulate
from components.serving import predict
from components.serving.bundle import package_serving
from components.serving.persona_model import PersonaModel, ServingRecipe
from tests.components.tiny_world import LLM, SIMULATOR
from tests.components.tiny_world import TASK as LONG_TASK

TASK = LONG_TASK.model_copy(update={"prompt": "Which tag? {payload}"})  # the tiny LLM reads little


@pytest.fixture(scope="module")
def plug_in(loud):
    return loud.arm("persona")


@pytest.fixture(scope="module", params=["payload", "input"])
def spec(plug_in, artifacts, request):
    llm = LLM.model_copy(update={"reads": request.param})
    return ServingRecipe(task=TASK, llm=llm).specify(plug_in, artifacts.llm)


@pytest.fixture(scope="module")
def model(spec, plug_in, artifacts):
    return PersonaModel(spec, plug_in, artifacts.llm)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """The test questions of the tiny world, whose golds are withheld."""
    folder = simulate(SIMULATOR, TASK, 0, tmp_path_factory.mktemp("lamp"))
    (folder / "test" / "test_outputs.json").unlink()
    return folder / "test" / "test_questions.json"


def read_golds(path):
    document = json.loads(path.read_text())
    return document["task"], {gold["id"]: gold["output"] for gold in document["golds"]}


def test_the_command_answers_as_the_evaluation_does(
    spec, plug_in, artifacts, exam, questions, tmp_path, monkeypatch
):
    (tmp_path / "bundle").mkdir()
    package_serving(spec, plug_in, artifacts.llm, tmp_path / "bundle", "tiny", "1")
    output = tmp_path / "predictions.json"
    arguments = ["--bundle", tmp_path / "bundle", "--questions", questions, "--output", output]
    monkeypatch.setattr("sys.argv", ["predict", *map(str, arguments)])
    predict.main()
    task_name, answers = read_golds(output)
    assert task_name == "LaMP_2"

    asked = artifacts.histories.questions.select(exam.question_rows())
    assert list(answers) == list(asked["question_id"])
    own_exam = replace(exam, recipe=exam.recipe.model_copy(update={"llm": spec.llm}))
    examples = own_exam.examples(exam.question_rows())
    if spec.llm.reads == "input":
        prompts = [TASK.render_prompt(payload) for payload in examples.payloads]
        examples = replace(examples, prompts=prompts)
    [evaluated] = answer_as(own_exam, plug_in, True, [examples])
    same = [a == b for a, b in zip(answers.values(), evaluated, strict=True)]
    assert sum(same) >= 0.95 * len(same)  # another batch's float16 may turn an answer
    assert len(set(answers.values())) > 1


def test_an_empty_folder_is_no_bundle(questions, tmp_path, monkeypatch, capsys):
    """A refused candidate's bundle is empty."""
    arguments = ["--bundle", tmp_path, "--questions", questions, "--output", tmp_path / "p.json"]
    monkeypatch.setattr("sys.argv", ["predict", *map(str, arguments)])
    with pytest.raises(SystemExit):
        predict.main()
    assert f"{tmp_path} is no serving bundle: there is no serving.json" in capsys.readouterr().err


def test_batches_and_neighbours_change_nothing(model, questions, monkeypatch):
    whole = dict(predict.answer_questions(model, questions))
    monkeypatch.setattr(predict, "BATCH_SIZE", 3)
    assert dict(predict.answer_questions(model, questions)) == whole


def write_questions(path, *questions):
    path.write_text(json.dumps(questions))
    return path


def make_question(name, text, *profile):
    return {"id": name, "input": text, "profile": list(profile)}


OLD = {"id": "a", "description": "a book", "tag": "classic", "date": "2010-01-01"}
NEW = {"id": "b", "description": "time travel", "tag": "sci-fi", "date": "2020-01-01"}


def test_items_are_put_in_order_and_only_the_newest_are_encoded(model, tmp_path):
    more = [NEW | {"id": f"c{day}", "date": f"2015-01-{day:02d}"} for day in range(1, 5)]
    path = write_questions(tmp_path / "q.json", make_question("q", "x", NEW, OLD, *more))
    [(name, record)] = predict.read_questions(path, {})
    question = predict.read_question(name, record, TASK, 2)
    assert question.items == [{"tag": "sci-fi", "description": "time travel"}] * 2
    whole = predict.read_question(name, record, TASK, 512)
    assert [item["tag"] for item in whole.items] == ["classic", *["sci-fi"] * 5]
    vectors, nothing = predict.encode_profiles(model, [whole, whole._replace(items=[])])
    assert (len(vectors), len(nothing)) == (6, 0)
    assert (vectors[1:] == vectors[-1]).all()


def test_an_input_of_another_wording_is_asked_as_it_is(model, tmp_path, caplog):
    path = write_questions(tmp_path / "q.json", make_question("q110", "A film on a book.", OLD))
    with caplog.at_level(logging.WARNING):
        [(name, answer)] = predict.answer_questions(model, path)
    assert (name, answer in TASK.labels) == ("q110", True)
    assert (
        "1 of 1 inputs are not worded like the prompt of task LaMP_2 (first: q110)" in caplog.text
    )
    [(_, record)] = predict.read_questions(path, {})
    question = predict.read_question("q110", record, TASK, 4)
    assert question.prompt == question.payload == "A film on a book."


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({"id": "z", "profile": []}, "question 'z', field 'input': is missing"),
        (make_question("q1", "x"), "question 'q1', field 'id': stands in"),
        (make_question("z", "x", {"id": "a", "tag": "b"}), "item 1, field 'description': is miss"),
        (make_question("z", "x", OLD, OLD), "profile item 2, field 'id': 'a' stands twice"),
    ],
)
def test_a_bad_question_leaves_no_file(model, tmp_path, last, said):
    good = [make_question(f"q{n}", "x", OLD) for n in range(predict.BATCH_SIZE)]
    path = write_questions(tmp_path / "q.json", *good, last)
    answers = predict.answer_questions(model, path)
    assert next(answers)[0] == "q0"  # answered before the last one was read
    with pytest.raises(ValueError, match=f"{path}, .*{said}"):
        predict.predict_file(model, path, tmp_path / "p.json", "LaMP_2")
    assert list(tmp_path.iterdir()) == [path]
