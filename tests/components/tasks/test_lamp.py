"""The built-in tasks speak the benchmark's words and show the label in the history text."""

from components.tasks.lamp import LAMP_2, LAMP_3, LAMP_4, LAMP_TASKS


def test_prompts_are_the_benchmarks_words() -> None:
    assert LAMP_2.render_prompt("A duel.") == (
        "Which tag does this movie relate to among the following tags? Just answer with the tag "
        "name without further explanation. tags: [sci-fi, based on a book, comedy, action, twist "
        "ending, dystopia, dark comedy, classic, psychology, fantasy, romance, thought-provoking, "
        "social commentary, violence, true story] description: A duel."
    )
    assert LAMP_3.render_prompt("Fine.").endswith(
        "just answer with 1, 2, 3, 4, or 5 without further explanation. review: Fine."
    )
    assert LAMP_4.render_prompt("It rains.") == (
        "Generate a headline for the following article: It rains."
    )


def test_labels_and_templates() -> None:
    assert list(LAMP_TASKS) == ["LaMP_2", "LaMP_3", "LaMP_4"]
    assert [len(task.labels) for task in LAMP_TASKS.values()] == [15, 5, 0]
    for task in LAMP_TASKS.values():
        assert set(task.history_fields) == {task.input_field, task.output_field}
