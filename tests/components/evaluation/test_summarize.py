"""From predictions to figures, on users worked by hand."""

import pyarrow as pa
import pytest

from components.evaluation.evaluation import Evaluation
from components.evaluation.summarize import summarize
from components.tasks.task import Task

TEMPLATES = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
TAGS = Task(name="tags", kind="classification", labels=("a", "b"), **TEMPLATES)
SCORES = Task(name="scores", kind="ordinal", labels=("1", "2", "3", "4", "5"), **TEMPLATES)
NUM_QUESTIONS = 40


def build_table(answers, gold="a", questions_per_user=2):
    """Answers by (arm, draw): a function of the question's number."""
    rows = []
    for (arm, draw), answer in answers.items():
        for number in range(NUM_QUESTIONS):
            row = {"question_id": f"q{number:02d}", "user_id": str(number // questions_per_user)}
            row |= {"arm": arm, "draw": draw, "prediction": answer(number), "gold": gold}
            rows.append(row)
    return pa.Table.from_pylist(rows)


def run(table, task=TAGS, limits=None):
    return summarize(table, task, "test", limits or {}, num_draws=500, seed=0)


def right_for(share):
    return lambda number: "a" if number % 10 < 10 * share else "b"


def test_figures_of_arms_and_paired_differences():
    table = build_table(
        {
            ("persona", 0): right_for(0.8),
            ("instruction_only", 0): right_for(0.5),
            ("base", 0): right_for(0.8),
        }
    )
    evaluation = run(table)
    assert (evaluation.task, evaluation.split) == ("tags", "test")
    assert (evaluation.num_questions, evaluation.num_users) == (40, 20)
    assert list(evaluation.arms) == ["base", "instruction_only", "persona"]
    accuracy = evaluation.arms["persona"]["accuracy"]
    assert accuracy.mean == pytest.approx(0.8)
    assert 0.55 < accuracy.low < 0.8 < accuracy.high < 1
    # Always "a" expected: F1 of a is 2 * .8 / (2 * .8 + .2), of b 0.
    assert evaluation.arms["persona"]["macro_f1"].mean == pytest.approx(1.6 / 1.8 / 2)
    assert list(evaluation.differences) == ["persona_vs_instruction_only", "persona_vs_base"]
    difference = evaluation.differences["persona_vs_instruction_only"]["accuracy"]
    assert difference.mean == pytest.approx(0.3)
    same = evaluation.differences["persona_vs_base"]["accuracy"]
    assert (same.mean, same.low, same.high) == (0, 0, 0)  # paired: equal on every resample
    assert evaluation.limits == {}
    assert evaluation.gap_closed == {}
    assert evaluation.decision is None


def test_draws_of_shuffled_are_averaged_question_by_question():
    table = build_table(
        {
            ("persona", 0): lambda _: "4",
            ("shuffled", 0): lambda _: "4",
            ("shuffled", 1): lambda number: "1" if number < 20 else "no number",
        },
        gold="4",
    )
    evaluation = run(table, SCORES)
    assert evaluation.arms["shuffled"]["mae"].mean == pytest.approx(1.5)
    assert evaluation.arms["shuffled"]["rmse"].mean == pytest.approx((9 / 2) ** 0.5)
    assert evaluation.differences["persona_vs_shuffled"]["mae"].mean == pytest.approx(-1.5)


def test_limits_and_the_share_of_the_gap_that_is_closed():
    shares = {"without_user": 0.2, "bayes": 0.8, "oracle": 0.9}
    limits = {
        judge: {"accuracy": {f"q{number:02d}": right_for(share)(number) for number in range(99)}}
        for judge, share in shares.items()
    }
    evaluation = run(build_table({("persona", 0): right_for(0.5)}), limits=limits)
    assert evaluation.limits["bayes"] == {"accuracy": pytest.approx(0.8)}
    assert evaluation.limits["oracle"] == {"accuracy": pytest.approx(0.9)}
    closed = evaluation.gap_closed["accuracy"]
    assert closed.mean == pytest.approx(0.5)
    assert 0 < closed.low < 0.5 < closed.high < 1


def test_a_gap_that_may_be_shut_has_no_share():
    judges = {"without_user": 0.5, "bayes": 0.5}
    limits = {
        judge: {"accuracy": {f"q{number:02d}": right_for(share)(number) for number in range(40)}}
        for judge, share in judges.items()
    }
    evaluation = run(build_table({("persona", 0): right_for(0.5)}), limits=limits)
    assert list(evaluation.limits) == ["bayes", "without_user"]
    assert evaluation.gap_closed == {}


def test_limits_of_some_of_the_questions_are_an_error_and_of_none_are_none():
    table = build_table({("persona", 0): right_for(0.5)})
    assert run(table, limits={"bayes": {"accuracy": {"elsewhere": "a"}}}).limits == {}
    with pytest.raises(ValueError, match="bayes has no accuracy answer to question 'q01'"):
        run(table, limits={"bayes": {"accuracy": {"q00": "a"}}})


def test_the_same_seed_gives_the_same_document_and_json_brings_it_back():
    table = build_table({("persona", 0): right_for(0.5), ("champion", 0): right_for(0.4)})
    evaluation = run(table)
    document = evaluation.model_dump_json()
    assert run(table.take(list(range(table.num_rows))[::-1])).model_dump_json() == document
    assert Evaluation.model_validate_json(document) == evaluation
    assert list(evaluation.model_dump()) == [
        "schema_version",
        "task",
        "split",
        "num_questions",
        "num_users",
        "arms",
        "differences",
        "limits",
        "gap_closed",
        "slices",
        "costs",
        "gates",
        "notes",
        "decision",
    ]
