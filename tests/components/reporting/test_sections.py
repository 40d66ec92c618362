"""Every section says what it shows, of how many, and what is missing."""

from datetime import date, timedelta

import pytest

from components.evaluation.evaluation import AttentionSummary, Cost, Slice, UserOutcomes
from components.lineage.config import DriftConfig
from components.lineage.drift import compare_profiles, report_incomparable
from components.promotion.registry_records import PastDecision
from components.reporting.evaluation_page import render_evaluation_page
from tests.components.lineage.profiles import NAMES, build_profile

from .evaluations import (
    build_evaluation,
    build_examples,
    build_rich_evaluation,
    interval,
)
from .page_reader import Reader


@pytest.fixture(scope="module")
def words():
    helped, hurt = build_examples(2), build_examples(1, gain=-1.0)
    html = render_evaluation_page(build_rich_evaluation(), {}, {}, helped, hurt)
    return Reader(html).words


def render(**changes):
    return Reader(render_evaluation_page(build_evaluation(**changes), {}, {})).words


@pytest.mark.parametrize(
    "said",
    [
        "Not promoted: 2 of 6 rules stand in the way (retrieval, new_users).",
        "failed retrieval stands in the way None of 2 alternatives passed. "
        "failed better_than_retrieval_dense +0.01, not surely. "
        "not evaluated cheaper_than_retrieval No cost of it is known. "
        "not evaluated new_users stands in the way No questions of new users. "
        "not evaluated oracle_gap does not block",
        "failed net_harmed does not block",
        "Time of a question (n = 17 arms)",
        "Storage of a user (n = 17 arms)",
        "wall time per question, log scale",
        "stored per user, log scale",
        "per_user_lora 0.596 108 ms 60 2.6 MB 41 s",
        "user_statistics 0.524 20 \N{MICRO SIGN}s \N{EN DASH} 44 B \N{EN DASH}",
        "gain in accuracy",
        "history items read, the newest ones",
        "n = 6,023",
        "The champion's line is a difference of means",
        "known_users users of whom training saw other questions 4,100 questions of 455 users "
        "0.700 0.680 to 0.720 0.512 0.492 to 0.532 +0.188 +0.168 to +0.208 better",
        "new_users users whom training never saw not evaluated: no questions",
        "Against shuffled",
        "users (n = 470)",
        "96 harmed",
        "54 equal",
        "320 helped",
        "shuffled 320 96 54 \N{MINUS SIGN}47.7 % \N{MINUS SIGN}52.7 to \N{MINUS SIGN}42.7 % "
        "more helped than harmed",
        "470 users, those with fewer than 5 questions are not counted",
        "questions (n = 5,870)",
        "0 = one item, 1 = all items alike",
        "Mean entropy 0.620; mean weight of the null row",
        "Over 3 training seeds, persona's accuracy is 0.689 to 0.704, 0.698 on average.",
        "seed 2",
        "per_user_lora answered 120 questions of 12 users",
        "Where the persona helped most (n = 2)",
        "Where the persona hurt most (n = 1)",
        "the user's own output sci-fi persona sci-fi instruction_only romance gain in accuracy "
        "+1.000",
        "The 3 history items that weighed most, by share of the weights 51.2 %",
    ],
)
def test_the_page_says(words, said):
    assert said in words


def test_not_evaluated_is_neither_green_nor_red():
    html = render_evaluation_page(build_rich_evaluation(), {}, {})
    assert html.count('<b class="quiet">not evaluated</b>') == 3
    assert html.count('<b class="bad">failed</b>') == 3
    assert html.count('<b class="good">passed</b>') == 2


def test_gains_in_an_error_are_positive_where_it_falls():
    words = Reader(render_evaluation_page(build_rich_evaluation("mae"), {}, {})).words
    assert "gain in mean absolute error" in words
    assert "with its sign turned, since lower is better, in points of the label scale" in words
    # The axis is drawn upwards from about zero, though the differences are below it.
    assert "0.15 0.20 gain in mean absolute error" in words


def test_parts_without_what_they_need_say_so():
    nobody = UserOutcomes(min_questions=5, helped=0, harmed=0, equal=0)
    words = render(
        users={"shuffled": nobody},
        samples={"per_user_lora": Slice(num_questions=0, num_users=0)},
        slices={"history_4": Slice(num_questions=0, num_users=0)},
    )
    assert "shuffled 0 0 0 not evaluated: no users" in words
    assert "per_user_lora answered 0 questions of 0 users not evaluated: no questions" in words
    assert "history_4 not evaluated: no questions" in words
    assert "history items read" not in words


def test_a_slice_without_the_control_is_not_compared():
    part = Slice(num_questions=5, num_users=1, arms={"persona": {"accuracy": interval(0.6)}})
    words = render(slices={"new_users": part, "history_4": part})
    assert "5 questions of 1 user 0.600 0.580 to 0.620 not evaluated not evaluated" in words


@pytest.mark.parametrize(
    ("net", "said"),
    [(-0.2, "more helped than harmed"), (0.0, "not told apart"), (0.2, "more harmed than helped")],
)
def test_who_is_harmed_more_often(net, said):
    outcome = UserOutcomes(
        min_questions=1, helped=1, harmed=1, equal=0, net_harmed=interval(net, 0.1)
    )
    assert said in render(users={"shuffled": outcome})


def test_costs_of_one_kind_only():
    words = render(costs={"persona": Cost(bytes_per_user=0), "shuffled": Cost(bytes_per_user=0)})
    assert "Storage of a user (n = 2 arms)" in words
    assert "Time of a question (n" not in words
    words = render(costs={"persona": Cost(tokens_per_question=61.6)})
    assert "persona 0.600 \N{EN DASH} 62 \N{EN DASH} \N{EN DASH}" in words
    assert "arms)" not in words


def test_attention_of_no_question():
    attention = AttentionSummary(
        num_questions=0, mean_entropy=0, mean_null_weight=1, edges=[0, 0.5, 1], counts=[0, 0]
    )
    assert "questions (n = 0)" in render(attention=attention)


def render_drift(report):
    html = render_evaluation_page(build_evaluation(), {}, {}, drift=report)
    reader = Reader(html)
    assert reader.open == reader.unbalanced == []
    return html, reader.words


def test_drift_is_said_with_what_is_allowed_and_what_may_be_chance():
    sizes = dict.fromkeys(NAMES, 200.0)  # 1.628 * sqrt(1 / 200 + 1 / 800) = .129
    today = build_profile(
        num_users=1200,
        newest_time="2024-05-01T00:00:00",
        text_length=[float(n) for n in range(40, 140)],
        items_per_user=[5.0] * 78 + [6.0] * 22,
        encoder_fingerprint="other",
        effective_sizes=sizes | {"items_per_user": 50.0},
    )
    report = compare_profiles(build_profile(), today, DriftConfig(), "3")
    html, words = render_drift(report)
    for said in (
        "Drift since the champion The data have drifted from the champion's (version 3): text "
        "length by 0.40 (allowed 0.10).",
        "items a user gap of the curves, 0 to 1 0.220 0.200 up to 0.237 may be chance",
        "text length gap of the curves, 0 to 1 0.400 0.100 up to 0.129 drifted",
        "label shares share that changed label, 0 to 1 0.000 0.100 up to 0.",
        "0.100 \N{EN DASH} not comparable another encoder made the champion's vectors",
        "The champion's: 1,000 users, 5,000 items. Today's: 1,200 users, 5,000 items, the newest "
        "of 2024-05-01T00:00:00.",
        "characters an item",
    ):
        assert said in words, said
    assert html.count('<td class="bad">drifted') == 1


def test_without_a_champion_the_page_says_so_and_draws_nothing():
    _, words = render_drift(report_incomparable("there is no champion yet", build_profile()))
    assert (
        "Drift since the champion Whether the data have drifted is not known: there is no champion "
        "yet. Today's: 1,000 users, 5,000 items."
    ) in words
    assert "characters an item" not in words
    assert "By chance" not in words


def build_decisions():
    first = date(2026, 11, 29)
    figures = ({"persona": 0.7}, {"persona": 0.71, "champion": 0.7, "reference": 0.69})
    said = ("promoted", "refused: accuracy is too low.", "promoted")
    return [
        PastDecision(
            version=str(number + 1),
            registered=first + timedelta(days=7 * number),
            said=told,
            figures=figures[number > 0],
        )
        for number, told in enumerate(said)
    ]


def test_champions_over_time_are_told_the_newest_first():
    html = render_evaluation_page(build_evaluation(), {}, {}, decisions=build_decisions())
    reader = Reader(html)
    assert reader.open == reader.unbalanced == []
    for said in (
        "All 3 versions, the newest first",
        "3 2026-12-13 promoted 0.710 0.700 0.690 2 2026-12-06 refused: accuracy is too low. 0.710",
        "1 2026-11-29 promoted 0.700 \N{EN DASH} \N{EN DASH}",
        "persona, promoted",
        "persona, refused",
        "reference of the day",
    ):
        assert said in reader.words, said


def test_a_first_version_has_no_history_of_champions():
    html = render_evaluation_page(build_evaluation(), {}, {}, decisions=build_decisions()[:1])
    assert "Champions over time" not in html
