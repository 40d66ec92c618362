"""Tasks: templates, labels and metrics, and which descriptions are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.tasks.task import Task

DESCRIPTION: dict[str, Any] = {
    "name": "critic_score",
    "kind": "ordinal",
    "labels": ("1", "2", "3"),
    "prompt": "How good? review: {payload}",
    "input_field": "review",
    "output_field": "score",
    "history_template": "score: {score} review: {review}",
}


def test_templates_are_filled() -> None:
    task = Task(**DESCRIPTION)
    assert task.render_prompt("so {so}") == "How good? review: so {so}"
    assert task.render_item({"score": "2", "review": "so so"}) == "score: 2 review: so so"
    assert task.history_fields == ("score", "review")


def test_items_are_shown_with_or_without_their_outputs() -> None:
    plain = {"plain_history_template": "review: {review}"}
    shown, hidden = (Task(**DESCRIPTION | plain, show_outputs=shows) for shows in (True, False))
    assert shown.item_template == DESCRIPTION["history_template"]
    assert hidden.item_template == "review: {review}"
    assert hidden.history_fields == ("review",)
    assert hidden.render_item({"score": "2", "review": "so so"}) == "review: so so"
    without = {"output_field": None, "history_template": "{review}"}
    assert Task(**DESCRIPTION | without, show_outputs=False).item_template == "{review}"


def test_an_item_without_an_output_has_a_template_of_its_own() -> None:
    plain = {"plain_history_template": "review: {review}"}
    assert Task(**DESCRIPTION).unlabelled_template is None
    assert Task(**DESCRIPTION | plain).unlabelled_template == "review: {review}"
    shows_none = {"history_template": "{review}!"}
    assert Task(**DESCRIPTION | plain | shows_none).unlabelled_template == "{review}!"
    without = {"output_field": None, "history_template": "{review}"}
    assert Task(**DESCRIPTION | without).unlabelled_template == "{review}"


def test_a_prompt_of_several_fields() -> None:
    several = {"prompt": "By {a}: {b}?", "payload_template": "{b} ({a})"}
    task = Task(**DESCRIPTION | several)
    assert task.extract_payload("By Ann: a book: it?") == "a book: it (Ann)"
    assert task.render_prompt("a book: it (Ann)") == "By Ann: a book: it?"
    assert task.extract_payload("By Ann, a book?") is None


@pytest.mark.parametrize(
    ("kind", "labels", "metrics"),
    [
        ("classification", ("b", "a"), ("accuracy", "macro_f1")),
        ("ordinal", ("-1", "0", "2.5"), ("mae", "rmse")),
        ("text", (), ("rouge_1", "rouge_l")),
    ],
)
def test_metrics_follow_the_kind(kind: str, labels: tuple[str, ...], metrics: Any) -> None:
    task = Task(**DESCRIPTION | {"kind": kind, "labels": labels})
    assert task.metrics == metrics
    assert task.primary_metric == metrics[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "no place"}, "prompt must name at least one field"),
        ({"prompt": "{payload} and {payload}"}, "payload"),
        ({"prompt": "{payload} of {user}"}, r"\['payload', 'user'\], but payload_template"),
        ({"prompt": "{payload} } of"}, "Single '}'"),
        ({"prompt": "{payload.text}"}, "prompt must name fields plainly"),
        ({"prompt": "{payload:>3}"}, "prompt must name fields plainly"),
        ({"prompt": "{a}{b}", "payload_template": "{a} {b}"}, "prompt needs some text between"),
        ({"prompt": "{a} {b}", "payload_template": "{a}{b}"}, "payload_template needs some text"),
        ({"prompt": "{a} {b}", "payload_template": "{a}"}, "must name the same fields"),
        ({"show_outputs": False}, "history_template shows 'score' and there is no plain"),
        ({"plain_history_template": "{score}"}, "plain_history_template shows the output 'score'"),
        ({"plain_history_template": "review"}, "plain_history_template must name item fields"),
        ({"history_template": "nothing"}, "history_template"),
        ({"history_template": "{} {}"}, "history_template"),
        ({"history_template": "{review.text}"}, "history_template"),
        ({"labels": ("1",)}, "two or more"),
        ({"labels": ("1", "1", "2")}, "two or more"),
        ({"labels": ("2", "1")}, "ascending"),
        ({"labels": ("low", "high")}, "ascending"),
        ({"kind": "text"}, "no labels"),
        ({"kind": "multi"}, "kind"),
        ({"name": "a b"}, "name"),
        ({"lables": ("1", "2")}, "lables"),
    ],
)
def test_wrong_descriptions_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Task(**DESCRIPTION | change)
