"""Templates: what they name, and texts that are read back."""

import pytest

from components.tasks.templates import check_readable, match_template, name_fields


def test_fields_are_named_once_and_in_order() -> None:
    assert name_fields("{b} of {a}, {b} {{c}}") == ("b", "a")
    assert name_fields("nothing") == ()


@pytest.mark.parametrize(
    ("template", "text", "fields"),
    [
        ("{a} of {b}", "one of two", {"a": "one", "b": "two"}),
        ("{a} of {b}", "one of two of three", {"a": "one", "b": "two of three"}),
        ("{a} of {b}", " of ", {"a": "", "b": ""}),
        ("{a} of {b}", "one or two", None),
        ("say {a}", "we say one", None),
        ("{a}.", "one. two", None),
        ("{{{a}}} (x|y)*", "{one} (x|y)*", {"a": "one"}),
        ("{a} of {b}", "1\n2 of\n3 of 4\n", {"a": "1\n2 of\n3", "b": "4\n"}),
    ],
)
def test_a_text_is_read_back(template: str, text: str, fields: dict[str, str] | None) -> None:
    assert match_template(template, text) == fields
    if fields is not None:
        assert template.format_map(fields) == text


def test_a_template_that_cannot_be_read_back_is_refused() -> None:
    for template, said in {
        "nothing": "at least one field",
        "{a} {a}": "each once",
        "{}": "plainly",
        "{a!r}": "plainly",
        "{a}{b}": "between two fields",
    }.items():
        with pytest.raises(ValueError, match=said):
            check_readable(template)
