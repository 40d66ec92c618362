"""From answers to figures, on users worked by hand."""

import pyarrow as pa
import pytest

from components.evaluation.evaluation import Cost, Evaluation
from components.evaluation.measure import measure
from components.evaluation.predictions import ATTENTION_SCHEMA
from components.evaluation.summarize import summarize
from tests.components.evaluation.answer_tables import (
    SCORES,
    TAGS,
    build_answers,
    right_for,
)
from tests.components.evaluation.answer_tables import build_table as build_users_table

USERS = [number // 2 for number in range(40)]


def build_table(answers, users=USERS, **settings):
    return build_users_table(answers, users, **settings)


def run(table, task=TAGS, limits=None, **beside):
    answers = build_answers(table, **beside)
    evidence = measure(answers, task, limits or {}, num_draws=500, seed=0)
    return summarize(evidence, answers, task, "test")


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
    assert list(evaluation.differences) == ["persona_vs_base", "persona_vs_instruction_only"]
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
        judge: {"accuracy": {f"q{number:05d}": right_for(share)(number) for number in range(99)}}
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
        judge: {"accuracy": {f"q{number:05d}": right_for(share)(number) for number in range(40)}}
        for judge, share in judges.items()
    }
    evaluation = run(build_table({("persona", 0): right_for(0.5)}), limits=limits)
    assert list(evaluation.limits) == ["bayes", "without_user"]
    assert evaluation.gap_closed == {}


def test_limits_of_some_of_the_questions_are_an_error_and_of_none_are_none():
    table = build_table({("persona", 0): right_for(0.5)})
    assert run(table, limits={"bayes": {"accuracy": {"elsewhere": "a"}}}).limits == {}
    with pytest.raises(ValueError, match="bayes has no accuracy answer to question 'q00001'"):
        run(table, limits={"bayes": {"accuracy": {"q00000": "a"}}})


def test_the_same_seed_gives_the_same_document_and_json_brings_it_back():
    table = build_table({("persona", 0): right_for(0.5), ("champion", 0): right_for(0.4)})
    evaluation = run(table)
    document = evaluation.model_dump_json()
    assert run(table.take(list(range(table.num_rows))[::-1])).model_dump_json() == document
    assert Evaluation.model_validate_json(document) == evaluation


def test_shorter_histories_are_slices_and_no_arms():
    table = build_table(
        {
            ("persona", 0): right_for(0.9),
            ("persona_history_0", 0): right_for(0.5),
            ("persona_history_16", 0): right_for(0.8),
            ("champion_history_16", 0): right_for(0.6),
            ("champion", 0): right_for(0.7),
            ("instruction_only", 0): right_for(0.5),
            ("shuffled", 0): right_for(0.4),
        }
    )
    evaluation = run(table)
    assert list(evaluation.arms) == ["instruction_only", "shuffled", "persona", "champion"]
    assert list(evaluation.slices) == [
        "history_0",
        "history_16",
        "history_all",
        "known_users",
        "new_users",
        "task:tags",
    ]
    none, some = evaluation.slices["history_0"], evaluation.slices["history_16"]
    assert list(none.arms) == ["instruction_only", "persona"]
    assert list(some.arms) == ["instruction_only", "persona", "champion"]
    assert none.differences["persona_vs_instruction_only"]["accuracy"].mean == 0
    assert some.arms["persona"]["accuracy"].mean == pytest.approx(0.8)
    assert some.differences["persona_vs_champion"]["accuracy"].mean == pytest.approx(0.2)
    assert evaluation.slices["history_all"].arms == evaluation.arms
    assert (none.num_questions, none.num_users) == (40, 20)


def test_known_and_new_users_are_slices_and_an_empty_one_has_no_figures():
    table = build_table({("persona", 0): right_for(0.5)})
    parted = run(table, is_known=lambda user: int(user) < 5).slices
    assert (parted["known_users"].num_questions, parted["known_users"].num_users) == (10, 5)
    assert (parted["new_users"].num_questions, parted["new_users"].num_users) == (30, 15)
    empty = run(table).slices["new_users"]
    assert (empty.num_questions, empty.num_users, empty.arms) == (0, 0, {})


def test_facts_of_other_questions_are_an_error():
    answers = build_answers(build_table({("persona", 0): right_for(0.5)}))
    fewer = build_answers(build_table({("persona", 0): right_for(0.5)}, USERS[:-1]))
    for wrong in (fewer.questions, pa.concat_tables([answers.questions, fewer.questions])):
        answers = build_answers(build_table({("persona", 0): right_for(0.5)}))
        object.__setattr__(answers, "questions", wrong)
        with pytest.raises(ValueError, match="not those that were answered"):
            measure(answers, TAGS, {}, 100, 0)


def test_an_arm_that_answered_a_sample_is_compared_on_the_sample():
    table = build_table(
        {
            ("persona", 0): right_for(0.5),
            ("base", 0): right_for(0.1),
            ("per_user_lora", 0): right_for(0.7),
        },
        asked=lambda arm, number: arm != "per_user_lora" or number < 6,
    )
    evaluation = run(table)
    assert list(evaluation.arms) == ["base", "persona"]
    sample = evaluation.samples["per_user_lora"]
    assert (sample.num_questions, sample.num_users) == (6, 3)
    assert list(sample.arms) == ["base", "per_user_lora", "persona"]
    assert sample.arms["per_user_lora"]["accuracy"].mean == 1
    assert sample.arms["persona"]["accuracy"].mean == pytest.approx(5 / 6)
    lost = sample.differences["persona_vs_per_user_lora"]["accuracy"]
    assert lost.mean == pytest.approx(-1 / 6)


def test_other_trainings_stand_beside_the_candidate():
    trainings = {"persona": 0.5, "persona_seed_2": 0.7, "persona_seed_10": 0.3}
    table = build_table({(arm, 0): right_for(share) for arm, share in trainings.items()})
    evaluation = run(table)
    assert list(evaluation.arms) == ["persona"]
    assert list(evaluation.seeds) == ["candidate", "2", "10"]
    assert evaluation.seeds["candidate"] == evaluation.arms["persona"]
    assert evaluation.seeds["10"]["accuracy"].mean == pytest.approx(0.3)
    assert run(build_table({("persona", 0): right_for(0.5)})).seeds == {}


def test_users_helped_and_harmed_among_those_who_ask_five_questions():
    # Users 0 to 3 ask five questions each, user 4 asks four: he is not counted.
    users = [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5 + [4] * 4
    wrong = {0, 1, 5}  # instruction_only's, of users 0 and 1
    table = build_table(
        {
            ("persona", 0): lambda number: "b" if number in (10, 20, 21) else "a",
            ("instruction_only", 0): lambda number: "b" if number in wrong else "a",
        },
        users,
    )
    outcomes = run(table).users["instruction_only"]
    assert (outcomes.helped, outcomes.harmed, outcomes.equal) == (2, 1, 1)
    assert outcomes.net_harmed.mean == pytest.approx(-0.25)
    assert outcomes.net_harmed.low < -0.25 < outcomes.net_harmed.high
    assert (outcomes.edges[0], outcomes.edges[-1]) == (-0.4, 0.4)
    assert sum(outcomes.counts) == 4
    assert outcomes.counts[10] == 1  # the bin about zero
    none = run(build_table({("persona", 0): right_for(0.5), ("base", 0): right_for(0.5)}))
    assert (none.users["base"].equal, none.users["base"].net_harmed) == (0, None)


def test_last_digits_harm_nobody():
    """Ten times a tenth is not quite one: persona is right once in ten, so is each shuffled one."""
    right_once = {
        ("shuffled", draw): lambda number, draw=draw: "a" if number % 10 == draw else "b"
        for draw in range(10)
    }
    arms = right_once | {("persona", 0): lambda number: "a" if number % 10 == 0 else "b"}
    outcomes = run(build_table(arms, [0] * 10 + [1] * 10)).users["shuffled"]
    assert (outcomes.helped, outcomes.harmed, outcomes.equal) == (0, 0, 2)


@pytest.mark.parametrize(("task", "points"), [(TAGS, 1.0), (SCORES, 4.0)])
def test_one_answer_loses_no_more_than_the_whole_scale(task, points):
    answers = build_answers(build_table({("persona", 0): right_for(0.5)}, gold=task.labels[0]))
    assert measure(answers, task, {}, num_draws=10, seed=0).largest_loss == points


def test_lower_errors_help():
    table = build_table(
        {("persona", 0): lambda _: "4", ("base", 0): lambda _: "2"}, [0] * 5, gold="4"
    )
    assert run(table, SCORES).users["base"].helped == 1


def test_attention_of_two_and_more_items_is_summarized():
    rows = [(0.25, 0.5), (0.75, 0.1), (float("nan"), 1.0)]
    attention = pa.Table.from_pylist(
        [
            {"question_id": str(row), "entropy": entropy, "null_weight": weight}
            | {"top_rows": [], "top_weights": []}
            for row, (entropy, weight) in enumerate(rows)
        ],
        schema=ATTENTION_SCHEMA,
    )
    table = build_table({("persona", 0): right_for(0.5)})
    summary = run(table, attention=attention).attention
    assert summary.num_questions == 2
    assert summary.mean_entropy == pytest.approx(0.5)
    assert summary.mean_null_weight == pytest.approx(0.3)
    assert (sum(summary.counts), len(summary.edges)) == (2, 21)
    assert run(table).attention is None


def test_costs_and_notes_are_handed_on():
    table = build_table({("persona", 0): right_for(0.5)})
    costs, notes = {"persona": Cost(seconds_per_question=0.5)}, {"user_statistics": "last"}
    evaluation = run(table, costs=costs, notes=notes)
    assert (evaluation.costs, evaluation.notes) == (costs, notes)
