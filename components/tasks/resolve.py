"""From what a run's YAML says under `task` to the task itself."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from components.tasks.lamp import LAMP_TASKS
from components.tasks.task import Task

TaskInput = str | Task | dict[str, Any]
"""A built-in task's name, a full description, or `{like: LaMP_3, show_outputs: false}`: a built-in
task with some fields changed."""


def resolve_task(value: TaskInput) -> Task:
    """Return the task that a name, a description or a change of a built-in task stands for.

    Raises:
        ValueError: If no task has that name, or the description is wrong (names the field).
    """
    return Task.model_validate(complete_task(value))


def complete_task(value: Any) -> Any:
    """Put a built-in task in place of its name, and all its other fields beside changed ones.

    Raises:
        ValueError: If no task has that name.
    """
    if isinstance(value, str):
        return find_task(value)
    if isinstance(value, dict) and "like" in value:
        changes = {field: given for field, given in value.items() if field != "like"}
        return find_task(value["like"]).model_dump() | changes
    return value


def find_task(name: Any) -> Task:
    """Return a built-in task by its name.

    Raises:
        ValueError: If no task has that name.
    """
    if not isinstance(name, str) or name not in LAMP_TASKS:
        raise ValueError(
            f"no built-in task {name!r}; there are {sorted(LAMP_TASKS)}, "
            "and any other task can be described in full"
        )
    return LAMP_TASKS[name]


TaskChoice = Annotated[Task, BeforeValidator(complete_task, json_schema_input_type=TaskInput)]
"""The type of a parameter in which a task may be given in all these ways."""
