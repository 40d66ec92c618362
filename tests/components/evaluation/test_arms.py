"""Every arm answers every question, through the code that also serves."""

import pyarrow.compute as pc
import pytest

from components.evaluation.arms import (
    Exam,
    answer_all_arms,
    answer_as,
    shuffle_histories,
)
from components.evaluation.predictions import PREDICTION_SCHEMA, conform_predictions
from components.histories.tables import write_histories
from components.llm.frozen_llm import (
    build_answer_rule,
    collate_prompts,
    empty_soft_prompt,
    generate_answers,
)
from components.training.train import Artifacts
from tests.components.tiny_world import LLM, TASK


@pytest.fixture(scope="module")
def answered(exam, trained):
    return answer_all_arms(exam, trained)


def pick(table, arm, draw=0):
    chosen = pc.and_(pc.equal(table["arm"], arm), pc.equal(table["draw"], draw))
    return table.filter(chosen).to_pylist()


def test_every_arm_answers_every_test_question_once_a_draw(answered, exam):
    table, _ = answered
    assert table.schema == PREDICTION_SCHEMA
    conform_predictions(table)
    questions = [q for q in exam.artifacts.histories.questions if q["split"] == "test"]
    expected = [(q["question_id"], q["user_id"], q["output"]) for q in questions]
    arms = dict.fromkeys(
        ("base", "persona", "instruction_only", "mean_pooling", "user_statistics"), 1
    )
    arms["shuffled"] = 2
    assert set(table["arm"].to_pylist()) == set(arms)
    for arm, num_draws in arms.items():
        for draw in range(num_draws):
            rows = pick(table, arm, draw)
            assert [(r["question_id"], r["user_id"], r["gold"]) for r in rows] == expected
            assert {row["prediction"] for row in rows} <= set(TASK.labels)
    assert len(table) == 7 * len(expected)


def test_base_is_the_llm_alone(answered, artifacts):
    llm = artifacts.llm.load()
    rule = build_answer_rule(llm, TASK.labels, LLM.max_new_tokens, LLM.num_beams)
    prompts = [q["payload"] for q in artifacts.histories.questions if q["split"] == "test"]
    alone = [
        generate_answers(
            llm, empty_soft_prompt(llm, 1), collate_prompts(llm, [prompt], None, 64), rule
        )[0]
        for prompt in prompts
    ]
    assert [row["prediction"] for row in pick(answered[0], "base")] == alone
    assert len(set(alone)) > 2


def test_the_statistic_is_chosen_on_dev_and_said(answered):
    _, notes = answered
    said = notes["user_statistics"]
    assert said["chosen"] in said["scores"]
    assert said["chosen_on"] == "dev"
    assert set(said) == {"chosen", "chosen_on", "scores"}


def test_answers_come_back_in_the_questions_order(exam, trained):
    plug_in = trained.arm("persona")
    examples = exam.examples(exam.question_rows())
    forth, back = answer_as(exam, plug_in, True, [examples, examples[::-1]])
    assert forth == back[::-1]
    assert len(set(forth)) > 2


def test_what_stands_before_the_prompt_changes_answers(exam, loud):
    table, _ = answer_all_arms(exam, loud)
    runs = [("base", 0), ("instruction_only", 0), ("persona", 0), ("shuffled", 0), ("shuffled", 1)]
    answers = {tuple(row["prediction"] for row in pick(table, *run)) for run in runs}
    assert len(answers) == 5


def test_shuffled_histories_are_never_the_own(exam):
    rows = exam.question_rows()
    own = exam.examples(rows)
    draws = shuffle_histories(exam, rows)
    assert len(draws) == 2
    for draw in draws:
        for example, shuffled in zip(own, draw, strict=True):
            assert shuffled._replace(history=None) == example._replace(history=None)
            assert len(shuffled.history) <= len(example.history)
            common = (shuffled.history[:, None] == example.history[None]).all(axis=2)
            assert not common.any(axis=1).all()  # two users may have a text in common


def test_a_split_without_questions_is_refused(exam, tmp_path):
    histories = exam.artifacts.histories
    train = histories.questions.filter(lambda row: row["split"] == "train")
    empty = write_histories(tmp_path / "tables", histories.items, train)
    artifacts = Artifacts(empty, exam.artifacts.vectors, exam.artifacts.llm)
    with pytest.raises(ValueError, match="no test questions"):
        Exam(artifacts, exam.recipe).question_rows()
