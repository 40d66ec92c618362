"""From what a run's YAML says under `task` to the task itself."""

from typing import Any

from components.tasks.lamp import LAMP_TASKS
from components.tasks.task import Task


def resolve_task(value: str | dict[str, Any] | Task) -> Task:
    """Return a built-in task by its name, or the task that a full description gives.

    Raises:
        ValueError: If no task has that name, or the description is wrong (names the field).
    """
    if isinstance(value, Task):
        return value
    if isinstance(value, str):
        if value not in LAMP_TASKS:
            raise ValueError(
                f"no built-in task {value!r}; there are {sorted(LAMP_TASKS)}, "
                "and any other task can be described in full"
            )
        return LAMP_TASKS[value]
    return Task.model_validate(value)
