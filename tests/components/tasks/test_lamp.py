"""The built-in tasks speak the benchmark's words and read them back."""

import pytest

from components.tasks.lamp import LAMP_1, LAMP_2, LAMP_3, LAMP_TASKS
from components.tasks.task import Task

PROMPTS = {
    "LaMP_1": (
        'For an author who has written the paper with the title "On A, and B", which reference is '
        "related? Just answer with [1] or [2] without explanation. "
        '[1]: "First" [2]: "Second"'
    ),
    "LaMP_2": (
        "Which tag does this movie relate to among the following tags? Just answer with the tag "
        "name without further explanation. tags: [sci-fi, based on a book, comedy, action, twist "
        "ending, dystopia, dark comedy, classic, psychology, fantasy, romance, thought-provoking, "
        "social commentary, violence, true story] description: A text."
    ),
    "LaMP_3": (
        "What is the score of the following review on a scale of 1 to 5? just answer with "
        "1, 2, 3, 4, or 5 without further explanation. review: A text."
    ),
    "LaMP_4": "Generate a headline for the following article: A text.",
    "LaMP_5": "Generate a title for the following abstract of a paper: A text.",
    "LaMP_6": "Generate a subject for the following email: A text.",
    "LaMP_7": (
        "Paraphrase the following tweet without any explanation before or after it: A text."
    ),
}
TASKS = list(LAMP_TASKS.values())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_prompts_are_the_benchmarks_words_and_read_back(task: Task) -> None:
    prompt = PROMPTS[task.name]
    payload = '"On A, and B" [1]: "First" [2]: "Second"' if task is LAMP_1 else "A text."
    assert task.extract_payload(prompt) == payload
    assert task.render_prompt(payload) == prompt


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_lines_marks_and_braces_of_a_text_survive(task: Task) -> None:
    text = 'one\ntwo {payload} "three": description: review:\r\n\u2028 (.*) \\1 \U0001f600'
    payload = f'"{text}" [1]: "{text}" [2]: "{text}"' if task is LAMP_1 else text
    prompt = task.render_prompt(payload)
    assert prompt.count(text) == (3 if task is LAMP_1 else 1)
    assert task.extract_payload(prompt) == payload


def test_labels_templates_and_outputs() -> None:
    assert list(LAMP_TASKS) == list(PROMPTS)
    assert [len(task.labels) for task in TASKS] == [2, 15, 5, 0, 0, 0, 0]
    shown = {task.name: (task.output_field, set(task.history_fields)) for task in TASKS}
    assert shown == {
        "LaMP_1": (None, {"title", "abstract"}),
        "LaMP_2": ("tag", {"tag", "description"}),
        "LaMP_3": ("score", {"score", "text"}),
        "LaMP_4": ("title", {"title", "text"}),
        "LaMP_5": ("title", {"title", "abstract"}),
        "LaMP_6": ("title", {"title", "text"}),
        "LaMP_7": (None, {"text"}),
    }


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_outputs_can_be_hidden(task: Task) -> None:
    plain = Task.model_validate(task.model_dump() | {"show_outputs": False})
    assert plain.output_field is None or plain.output_field not in plain.history_fields
    assert plain.input_field in plain.history_fields


def test_a_payload_of_another_wording_is_refused() -> None:
    with pytest.raises(ValueError, match=r"task LaMP_1: an input must be worded like .*reference"):
        LAMP_1.render_prompt("On A: First or Second?")


def test_a_payload_of_another_wording_is_guessed() -> None:
    """As in LaMP_2's dev question 110, which has no instruction."""
    other = "Which tag? tags: [a, b] description: A film about description: x"
    assert LAMP_2.extract_payload(other) is None
    assert LAMP_2.guess_payload(other) == "A film about description: x"
    assert LAMP_2.guess_payload("A film.") == "A film."
    assert LAMP_1.guess_payload("On A: First or Second?") == "On A: First or Second?"
    framed = LAMP_3.model_copy(update={"prompt": 'Rate "{payload}" now.'})
    assert framed.extract_payload('Rate "so "so"" now.') == 'so "so"'
    assert framed.extract_payload('Rate " now.') is None
