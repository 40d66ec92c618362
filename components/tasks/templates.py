"""Texts with named places: which fields a template names, and reading a text back into them."""

import re
from functools import lru_cache
from string import Formatter


@lru_cache
def name_fields(template: str) -> tuple[str, ...]:
    """Return the fields that a template names, each once: "{a} of {b}" gives a and b."""
    names = (name for _, name, _, _ in Formatter().parse(template) if name is not None)
    return tuple(dict.fromkeys(names))


def check_readable(template: str) -> None:
    """Refuse a template whose texts could not be read back into its fields.

    Raises:
        ValueError: If it names no field, one twice, one that is no plain name, or two without any
            text between them.
    """
    parts = [part for part in Formatter().parse(template) if part[1] is not None]
    names = [name for _, name, _, _ in parts]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"must name at least one field, and each once: {template!r}")
    if not all(str(name).isidentifier() and not spec and not turn for _, name, spec, turn in parts):
        raise ValueError(f"must name fields plainly, like {{payload}}: {template!r}")
    if not all(literal for literal, *_ in parts[1:]):
        raise ValueError(f"needs some text between two fields: {template!r}")


def match_template(template: str, text: str) -> dict[str, str] | None:
    """Return the fields of a text that was made by the template, None if it was not.

    Where a field's own text could be the template's, a field ends as early as it can: "{a}, {b}"
    reads "1, 2, 3" as a = "1" and b = "2, 3".
    """
    found = _compile(template).fullmatch(text)
    return None if found is None else found.groupdict()


@lru_cache
def _compile(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>.*?)")
    return re.compile("".join(parts), re.DOTALL)
