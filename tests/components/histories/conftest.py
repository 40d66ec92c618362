"""A small task."""

import pytest

from components.tasks.task import Task


@pytest.fixture
def task() -> Task:
    """Scores from 1 to 3 of reviews."""
    return Task(
        name="score",
        kind="ordinal",
        labels=("1", "2", "3"),
        prompt="How good? review: {payload}",
        input_field="text",
        output_field="score",
        history_template="score: {score} review: {text}",
    )
