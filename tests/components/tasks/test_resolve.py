"""From a YAML's value to a task."""

from typing import Any

import pytest

from components.tasks.lamp import LAMP_3
from components.tasks.resolve import resolve_task


def test_name_description_and_task() -> None:
    assert resolve_task("LaMP_3") is LAMP_3
    assert resolve_task(LAMP_3) is LAMP_3
    assert resolve_task(LAMP_3.model_dump(mode="json")) == LAMP_3


def test_a_built_in_task_with_some_fields_changed() -> None:
    changed = resolve_task({"like": "LaMP_3", "name": "plain", "show_outputs": False})
    assert changed == LAMP_3.model_copy(update={"name": "plain", "show_outputs": False})
    assert resolve_task({"like": "LaMP_3"}) == LAMP_3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"like": "LaMP_9"}, "no built-in task 'LaMP_9'"),
        ({"like": ["LaMP_3"]}, r"no built-in task \['LaMP_3'\]"),
        ({"like": "LaMP_3", "lables": ["1", "2"]}, "lables"),
        ({"like": "LaMP_3", "labels": ["2", "1"]}, "ascending"),
        ({"like": "LaMP_2", "plain_history_template": None, "show_outputs": False}, "no plain_hi"),
    ],
)
def test_a_wrong_change_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        resolve_task(change)


def test_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"'LaMP_9'.*LaMP_2.*LaMP_3.*LaMP_4"):
        resolve_task("LaMP_9")


def test_bad_description_names_the_field() -> None:
    with pytest.raises(ValueError, match="history_template"):
        resolve_task({"name": "x", "kind": "text", "prompt": "{payload}", "input_field": "text"})
