"""From a YAML's value to a task."""

import pytest

from components.tasks.lamp import LAMP_3
from components.tasks.resolve import resolve_task


def test_name_description_and_task() -> None:
    assert resolve_task("LaMP_3") is LAMP_3
    assert resolve_task(LAMP_3) is LAMP_3
    assert resolve_task(LAMP_3.model_dump(mode="json")) == LAMP_3


def test_unknown_name_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"'LaMP_9'.*LaMP_2.*LaMP_3.*LaMP_4"):
        resolve_task("LaMP_9")


def test_bad_description_names_the_field() -> None:
    with pytest.raises(ValueError, match="history_template"):
        resolve_task({"name": "x", "kind": "text", "prompt": "{payload}", "input_field": "text"})
