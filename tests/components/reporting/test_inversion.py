"""What stolen vectors would tell, as the page says it."""

from components.reporting.evaluation_page import render_evaluation_page
from components.reporting.inversion import list_attacks, write_inversion
from tests.components.inversion.reports import build_attack, build_report

from .evaluations import build_evaluation
from .page_reader import Reader

REPORT = build_report(words=build_attack(0.834, sealed=0.041, chance=0.0385))
SENTENCE = (
    "Whoever steals vectors in the clear and knows the encoder recovers 83.4 % of the secret "
    "words, and 100.0 % of the texts that are among the guesses; sealed as stored: 4.1 % "
    "(chance 3.9 %) and 0.0 % (chance 0.0 %)."
)


def test_the_sentence_on_top():
    assert write_inversion(REPORT) == SENTENCE


def test_rows_are_both_attacks_and_the_kinds_of_words():
    rows = list_attacks(REPORT)
    assert [(row.name, row.words) for row in rows] == [
        ("Whole text", "nearest of 7,500"),
        ("Secret words", "trained inverter"),
        ("", "first names"),
        ("", "house numbers"),
    ]
    assert rows[1].clear == ("83.4 %", "78.4 to 88.4 %")
    assert rows[1].sealed == ("4.1 %", "0.0 to 9.1 %")
    assert rows[1].chance == "3.9 %"


def test_the_page_has_a_section_where_it_was_measured():
    reader = Reader(render_evaluation_page(build_evaluation(), {}, {}, inversion=REPORT))
    assert reader.open == reader.unbalanced == []
    assert f"What stolen vectors would tell {SENTENCE}" in reader.words
    assert "house numbers 60.0 % 55.0 to 65.0 % 2.0 % 0.0 to 7.0 % 2.0 % Measured" in reader.words
    assert "Measured on 200 invented texts" in reader.words
    assert "trained on 1,500 other invented sentences" in reader.words
    without = Reader(render_evaluation_page(build_evaluation(), {}, {})).words
    assert "stolen" not in without
