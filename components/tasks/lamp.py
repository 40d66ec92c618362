"""The tasks of the LaMP benchmark (method section 5), the same for users and for times held out.

Unlike the paper's code, the history templates show the item's output: a user's taste or harshness
becomes visible to the frozen history encoder (method section 2, point 3). `show_outputs: false`
takes the templates without it.

Of LaMP_6 only ids are public: its mails, the Avocado Research Email Collection, are licensed by the
LDC. Who has built its files from them reads them like those of any other task.
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

LAMP_1 = Task(
    name="LaMP_1",
    kind="classification",
    labels=("[1]", "[2]"),
    prompt=(
        'For an author who has written the paper with the title "{title}", which reference is '
        "related? Just answer with [1] or [2] without explanation. "
        '[1]: "{reference_1}" [2]: "{reference_2}"'
    ),
    payload_template='"{title}" [1]: "{reference_1}" [2]: "{reference_2}"',
    input_field="title",
    history_template="title: {title} abstract: {abstract}",
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
    plain_history_template="description: {description}",
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
    plain_history_template="review: {text}",
)

LAMP_4 = Task(
    name="LaMP_4",
    kind="text",
    prompt="Generate a headline for the following article: {payload}",
    input_field="text",
    output_field="title",
    history_template="title: {title} article: {text}",
    plain_history_template="article: {text}",
)

LAMP_5 = Task(
    name="LaMP_5",
    kind="text",
    prompt="Generate a title for the following abstract of a paper: {payload}",
    input_field="abstract",
    output_field="title",
    history_template="title: {title} abstract: {abstract}",
    plain_history_template="abstract: {abstract}",
)

LAMP_6 = Task(
    name="LaMP_6",
    kind="text",
    prompt="Generate a subject for the following email: {payload}",
    input_field="text",
    output_field="title",
    history_template="subject: {title} email: {text}",
    plain_history_template="email: {text}",
)

LAMP_7 = Task(
    name="LaMP_7",
    kind="text",
    prompt=("Paraphrase the following tweet without any explanation before or after it: {payload}"),
    input_field="text",
    history_template="{text}",
)

LAMP_TASKS: dict[str, Task] = {
    task.name: task for task in (LAMP_1, LAMP_2, LAMP_3, LAMP_4, LAMP_5, LAMP_6, LAMP_7)
}
"""The built-in tasks by name; the names are those that the benchmark's outputs files give."""
