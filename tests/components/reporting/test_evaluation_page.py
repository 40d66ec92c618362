"""The page: true to its figures, safe, and without any network."""

import re
from html.parser import HTMLParser

from components.reporting.evaluation_page import render_evaluation_page

from .evaluations import build_decision, build_evaluation, interval

CURVES = {"persona": [{"step": 1, "loss": 2.0}, {"step": 2, "dev_loss": 1.5}]}
VERSIONS = {"LLM": "sha256 abc"}


class Reader(HTMLParser):
    """Collects tags, attributes and the text of a page."""

    VOID = ("meta", "br", "use", "path", "link", "img")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self.unbalanced = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open[-1] != tag:
            self.unbalanced.append(tag)
        self.open.pop()

    def handle_data(self, data):
        self.text += f" {data}"


def test_the_page_says_what_was_measured_and_decided():
    evaluation = build_evaluation(
        limits={"bayes": {"accuracy": 0.77}, "without_user": {"accuracy": 0.31}},
        gap_closed={"accuracy": interval(0.63, 0.05)},
        decision=build_decision(False, "accuracy of persona is too low"),
        notes={"user_statistics": {"chosen": "last", "dev": {"last": 0.5, "most_frequent": 0.25}}},
    )
    reader = Reader(render_evaluation_page(evaluation, CURVES, VERSIONS))
    assert reader.open == reader.unbalanced == []
    text = " ".join(reader.text.split())
    for said in (
        "It personalizes: accuracy is 0.600",
        "6,023 questions 674 users not promoted closes 63 % (58 to 68 %) of the gap",
        "persona 0.600 0.580 to 0.620",
        "bayes 0.770",
        "instruction_only +0.300 +0.280 to +0.320 better",
        "failed better_than_shuffled accuracy of persona is too low",
        "LLM sha256 abc",
        "Notes user_statistics chosen: last; dev: last 0.500, most_frequent 0.250",
        "higher is better →",
        "share of questions answered right",
        "loss, nats per token",
    ):
        assert said in text, said


def test_bare_pages_leave_out_what_is_not_known():
    html = render_evaluation_page(build_evaluation("mae"), {}, {})
    text = Reader(html).text
    assert "not judged for promotion yet" in text
    assert "← lower is better" in text
    for absent in ("Decision", "Loss while training", "Bayes", "Versions", "Notes", "Dashed"):
        assert absent not in text


def test_nothing_is_fetched_and_nothing_runs():
    html = render_evaluation_page(build_evaluation(), CURVES, VERSIONS)
    reader = Reader(html)
    assert not re.search(r"https?:|//[a-z]|@import", html)
    assert {tag for tag, _ in reader.tags}.isdisjoint({"script", "link", "img", "iframe", "object"})
    for _, attributes in reader.tags:
        for name in ("href", "xlink:href", "src"):
            assert attributes.get(name, "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))


def test_colors_of_figures_follow_light_and_dark():
    html = render_evaluation_page(build_evaluation(), CURVES, VERSIONS)
    assert "prefers-color-scheme: dark" in html
    figures = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert set(re.findall(r"var\(--(\w+)\)", figures)) == {"ink", "muted", "rule", "accent"}
    assert not re.search(r"#[0-9a-f]{6}[;\"]", figures)


def test_ids_inside_the_page_are_unique():
    html = render_evaluation_page(build_evaluation(), CURVES, VERSIONS)
    ids = [attributes["id"] for _, attributes in Reader(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_texts_are_escaped_everywhere():
    evil = "<script>alert(1)</script>"
    evaluation = build_evaluation(
        task=evil, decision=build_decision(True, evil), notes={evil: {evil: evil}}
    )
    evaluation = evaluation.model_copy(
        update={"arms": evaluation.arms | {evil: evaluation.arms["persona"]}}
    )
    html = render_evaluation_page(evaluation, {evil: CURVES["persona"]}, {evil: evil})
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8


def test_the_same_input_gives_the_same_page():
    pages = {render_evaluation_page(build_evaluation(), CURVES, VERSIONS) for _ in range(2)}
    assert len(pages) == 1
