"""The page: true to its figures, safe, and without any network."""

import re
from datetime import datetime

import pytest

from components.reporting.evaluation_page import render_evaluation_page

from .evaluations import (
    build_decision,
    build_evaluation,
    build_examples,
    build_reason,
    build_rich_evaluation,
    interval,
)
from .page_reader import Reader

CURVES = {"persona": [{"step": 1, "loss": 2.0}, {"step": 2, "dev_loss": 1.5}]}
VERSIONS = {"LLM": "sha256 abc"}


@pytest.fixture(scope="module")
def rich_html():
    examples = build_examples(2)
    return render_evaluation_page(build_rich_evaluation(), CURVES, VERSIONS, examples, examples)


def test_the_page_says_what_was_measured_and_decided():
    evaluation = build_evaluation(
        limits={"bayes": {"accuracy": 0.77}, "without_user": {"accuracy": 0.31}},
        gap_closed={"accuracy": interval(0.63, 0.05)},
        decision=build_decision(False, "accuracy of persona is too low"),
        notes={"user_statistics": {"chosen": "last", "dev": {"last": 0.5, "most_frequent": 0.25}}},
    )
    reader = Reader(render_evaluation_page(evaluation, CURVES, VERSIONS))
    assert reader.open == reader.unbalanced == []
    text = reader.words
    for said in (
        "It personalizes: accuracy is 0.600",
        "6,023 questions 674 users closes 63 % (58 to 68 %) of the gap to Bayes in accuracy "
        "Not promoted: 1 of 1 rule stands in the way (better_than_shuffled).",
        "persona 0.600 0.580 to 0.620",
        "bayes 0.770",
        "instruction_only +0.300 +0.280 to +0.320 better",
        "failed better_than_shuffled stands in the way accuracy of persona is too low",
        "LLM sha256 abc",
        "Notes user_statistics chosen: last; dev: last 0.500, most_frequent 0.250",
        "higher is better →",
        "share of questions answered right",
        "loss, nats per token",
    ):
        assert said in text, said


def test_questions_of_a_retraining_are_said_to_be_newer():
    newest = datetime(2026, 3, 1, 7, 30)
    words = Reader(render_evaluation_page(build_evaluation(newer_than=newest), {}, {})).words
    assert "674 users asked after 2026-03-01 07:30:00 UTC" in words
    assert "asked after" not in Reader(render_evaluation_page(build_evaluation(), {}, {})).words


def test_bare_pages_leave_out_what_is_not_known():
    html = render_evaluation_page(build_evaluation("mae"), {}, {})
    text = Reader(html).text
    assert "Not judged for promotion yet" in text
    assert "← lower is better" in text
    for absent in ("Decision", "Loss while training", "Bayes", "Versions", "Notes", "Dashed"):
        assert absent not in text
    for absent in (
        "Drift",
        "Quality",
        "Gain by",
        "Users helped",
        "Attention",
        "seeds",
        "on a sample",
    ):
        assert absent not in text
    assert "No text of a user is shown. With report.show_texts: true" in " ".join(text.split())


def test_nothing_is_fetched_and_nothing_runs(rich_html):
    html = rich_html
    reader = Reader(html)
    assert not re.search(r"https?:|//[a-z]|@import", html)
    assert {tag for tag, _ in reader.tags}.isdisjoint({"script", "link", "img", "iframe", "object"})
    for _, attributes in reader.tags:
        for name in ("href", "xlink:href", "src"):
            assert attributes.get(name, "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))


def test_colors_of_figures_follow_light_and_dark(rich_html):
    assert "prefers-color-scheme: dark" in rich_html
    figures = "".join(re.findall(r"<svg.*?</svg>", rich_html, flags=re.DOTALL))
    colors = {"ink", "muted", "rule", "accent", "limit", "good", "bad"}
    assert set(re.findall(r"var\(--(\w+)\)", figures)) == colors
    assert not re.search(r"#[0-9a-f]{6}[;\"]", figures)


def test_ids_inside_the_page_are_unique_and_there(rich_html):
    tags = Reader(rich_html).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:url\(#|href="#)([\w-]+)', rich_html)
    assert used
    assert set(used) <= set(ids)


def test_every_tag_is_closed(rich_html):
    reader = Reader(rich_html)
    assert reader.open == reader.unbalanced == []


def test_texts_are_escaped_everywhere():
    evil = "<script>alert(1)</script>"
    reason = build_reason("failed", evil, parts=[build_reason("failed", evil, said=evil)])
    rich = build_rich_evaluation(
        task=evil,
        decision=build_decision(True, evil).model_copy(update={"reasons": [reason]}),
        notes={evil: {evil: evil}},
    )
    first = {name: getattr(rich, name) for name in ("costs", "samples", "seeds", "users")}
    spoiled = {name: {evil: next(iter(parts.values()))} for name, parts in first.items()}
    spoiled |= {
        "arms": rich.arms | {evil: rich.arms["persona"]},
        "slices": rich.slices | {evil: rich.slices["known_users"]},
        "differences": {f"persona_vs_{evil}": rich.differences["persona_vs_base"]},
    }
    examples = [
        example.model_copy(
            update=dict.fromkeys(("question_id", "gold", "persona", "instruction_only"), evil)
        )
        for example in build_examples(1, text=evil)
    ]
    html = render_evaluation_page(
        rich.model_copy(update=spoiled),
        {evil: CURVES["persona"]},
        {evil: evil},
        examples,
        examples,
    )
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 40


def test_the_same_input_gives_the_same_page():
    pages = {render_evaluation_page(build_evaluation(), CURVES, VERSIONS) for _ in range(2)}
    assert len(pages) == 1
