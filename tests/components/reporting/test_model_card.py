"""The model card."""

from datetime import datetime

from components.reporting.model_card import ModelFacts, render_model_card
from components.tasks.lamp import LAMP_2

from .evaluations import build_decision, build_evaluation, build_rich_evaluation, interval

FACTS = ModelFacts(
    name="persona-plug-LaMP_2",
    version="4",
    counts={"train questions": 6400},
    versions={"LLM": "warm_start | sha256 abc"},
)


def test_the_card_says_what_it_is_and_how_sure_one_may_be():
    evaluation = build_evaluation(
        limits={"bayes": {"accuracy": 0.77}},
        gap_closed={"accuracy": interval(0.63, 0.05)},
        decision=build_decision(True, "better | surely"),
    )
    card = render_model_card(evaluation, LAMP_2, FACTS)
    for said in (
        "# persona-plug-LaMP_2 version 4",
        "It personalizes: accuracy is 0.600",
        "| train questions | 6,400 |",
        "| evaluated test users | 674 |",
        "| persona | 0.600 (0.580 to 0.620) | the user embedder, with the user's own history |",
        "| bayes | 0.770 | best given the same history |",
        "persona closes 63% (58% to 68%) of the gap",
        "| shuffled | +0.200 (+0.180 to +0.220), better |",
        "Promoted: none of 1 rule stands in the way (1 passed).\n\n"
        "- better_than_shuffled: passed. better | surely",
        "| LLM | `warm_start \\| sha256 abc` |",
        'load_model("models:/persona-plug-LaMP_2/4")',
        LAMP_2.prompt,
    ):
        assert said in card, said


def test_an_alias_that_is_the_models_stands_for_its_version():
    facts = FACTS.model_copy(update={"alias": "champion"})
    card = render_model_card(build_evaluation(), LAMP_2, facts)
    assert 'load_model("models:/persona-plug-LaMP_2@champion")' in card


def test_tables_have_as_many_cells_in_every_row():
    card = render_model_card(build_rich_evaluation(), LAMP_2, FACTS)
    for table in card.split("\n\n"):
        if table.startswith("| "):
            rows = table.replace("\\|", "").splitlines()
            assert len({row.count("|") for row in rows}) == 1, table


def test_the_card_of_a_retraining_says_that_questions_were_newer():
    newest = datetime(2026, 3, 1, 7, 30)
    card = render_model_card(build_evaluation(newer_than=newest), LAMP_2, FACTS)
    assert "On 6,023 test questions after 2026-03-01 07:30:00 UTC of 674 users;" in card


def test_a_card_before_the_decision():
    card = render_model_card(build_evaluation("mae"), LAMP_2, FACTS)
    assert "Not judged yet." in card
    assert "closes" not in card
    assert "lower is better" in card
    assert "None was evaluated apart." in card


def test_parts_of_questions_and_of_rules_are_listed():
    card = render_model_card(build_rich_evaluation(), LAMP_2, FACTS)
    for said in (
        "| history_4 | 6,023 | 674 | +0.117 (+0.097 to +0.137), better |",
        "| new_users | 0 | 0 | not evaluated |",
        "- retrieval: failed. None of 2 alternatives passed.\n"
        "  - better_than_retrieval_dense: failed. +0.01, not surely.\n"
        "  - cheaper_than_retrieval: not evaluated. No cost of it is known.\n"
        "- new_users: not evaluated. No questions of new users.",
    ):
        assert said in card, said
