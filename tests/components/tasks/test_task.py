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
        ({"prompt": "no place"}, "payload"),
        ({"prompt": "{payload} and {payload}"}, "payload"),
        ({"prompt": "{payload} of {user}"}, "payload"),
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
