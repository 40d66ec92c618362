"""All arms answer the same questions."""

import pyarrow as pa
import pytest

from components.evaluation.aligned_predictions import align_predictions


def row(question_id, arm, draw=0, **changes):
    values = {"question_id": question_id, "user_id": f"user of {question_id}", "arm": arm}
    return values | {"draw": draw, "prediction": f"{arm} {draw}", "gold": "a"} | changes


def test_the_order_of_rows_does_not_matter():
    rows = [row("q2", "base"), row("q1", "shuffled", 1), row("q1", "base")]
    rows += [row("q2", "shuffled", 1), row("q1", "shuffled"), row("q2", "shuffled", gold="a")]
    aligned = align_predictions(pa.Table.from_pylist(rows))
    assert aligned.question_ids == ["q1", "q2"]
    assert aligned.users.tolist() == [0, 1]
    assert aligned.num_users == 2
    assert aligned.answers == {
        "base": [["base 0", "base 0"]],
        "shuffled": [["shuffled 0", "shuffled 0"], ["shuffled 1", "shuffled 1"]],
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "columns are"),
        (
            [row("q1", "base"), row("q1", "base")],
            "arm base, draw 0: question 'q1' is answered twice",
        ),
        ([row("q1", "base"), row("q2", "base"), row("q1", "persona")], "persona, .* lacks .*'q2'"),
        (
            [row("q1", "base"), row("q1", "persona"), row("q2", "persona")],
            "alone has question 'q2'",
        ),
        (
            [row("q1", "base"), row("q1", "persona", gold="b")],
            "arm persona, draw 0, question 'q1', field 'gold': is 'b', but 'a' elsewhere",
        ),
        ([row("q1", "base"), row("q1", "persona", user_id="bob")], "field 'user_id': is 'bob'"),
    ],
)
def test_what_differs_is_named(rows, message):
    with pytest.raises(ValueError, match=message):
        align_predictions(pa.Table.from_pylist(rows))


def test_only_a_sampled_arm_may_leave_questions_out():
    rows = [row("q1", "persona"), row("q2", "persona"), row("q2", "per_user_lora")]
    aligned = align_predictions(pa.Table.from_pylist(rows))
    assert aligned.sampled["per_user_lora"].tolist() == [False, True]
    assert aligned.answers["per_user_lora"] == [["per_user_lora 0"]]
    stray = [*rows, row("q3", "per_user_lora")]
    with pytest.raises(ValueError, match="per_user_lora, draw 0: alone has question 'q3'"):
        align_predictions(pa.Table.from_pylist(stray))
