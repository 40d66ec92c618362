"""The tasks of the LaMP benchmark that are built in (method section 5).

Unlike the paper's code, the history templates show the item's label: a user's taste or harshness
becomes visible to the frozen history encoder (method section 2, point 3).
"""

from components.tasks.task import Task

LAMP_2_TAGS = (
    "sci-fi",
    "based on a book",
    "comedy",
    "action",
    "twist ending",
    "dystopia",
    "dark comedy",
    "classic",
    "psychology",
    "fantasy",
    "romance",
    "thought-provoking",
    "social commentary",
    "violence",
    "true story",
)

LAMP_2 = Task(
    name="LaMP_2",
    kind="classification",
    labels=LAMP_2_TAGS,
    prompt=(
        "Which tag does this movie relate to among the following tags? Just answer with the tag "
        f"name without further explanation. tags: [{', '.join(LAMP_2_TAGS)}] "
        "description: {payload}"
    ),
    input_field="description",
    output_field="tag",
    history_template="tag: {tag} description: {description}",
)

LAMP_3 = Task(
    name="LaMP_3",
    kind="ordinal",
    labels=("1", "2", "3", "4", "5"),
    prompt=(
        "What is the score of the following review on a scale of 1 to 5? just answer with "
        "1, 2, 3, 4, or 5 without further explanation. review: {payload}"
    ),
    input_field="text",
    output_field="score",
    history_template="score: {score} review: {text}",
)

LAMP_4 = Task(
    name="LaMP_4",
    kind="text",
    prompt="Generate a headline for the following article: {payload}",
    input_field="text",
    output_field="title",
    history_template="title: {title} article: {text}",
)

LAMP_TASKS: dict[str, Task] = {task.name: task for task in (LAMP_2, LAMP_3, LAMP_4)}
"""The built-in tasks by name."""

BENCHMARK_NAMES = frozenset(f"LaMP_{number}" for number in range(1, 8))
"""The benchmark's names for its tasks, as its outputs files give them."""
