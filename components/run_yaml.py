"""What a command reads of a run's YAML: the sections that it needs, of those of a training."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from components.config import Config

Settings = TypeVar("Settings", bound=Config)
Sections = dict[str, Any]

LIKENESS = 0.82
"""`validaton` is more like `validation` than that, `evaluation` less."""


def read_sections(
    path: Path, model: type[Settings], change: Callable[[Sections], Sections] = lambda known: known
) -> Settings:
    """Return the settings of a run's YAML that a command needs.

    Args:
        path: The file.
        model: Its fields are the sections' names; other sections are other commands'.
        change: What the command line changes in them.

    Raises:
        ValueError: If the file can't be read, or a section is misspelt or wrong; names file and
            field.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, ValueError) as err:
        raise ValueError(f"{path}: is no YAML that can be read: {err}") from err
    parameters = document.get("parameters") if isinstance(document, dict) else None
    if not isinstance(parameters, dict):
        raise ValueError(f"{path}: expected the section 'parameters' of a run's YAML")
    for name in map(str, parameters):
        near = get_close_matches(name, model.model_fields, n=1, cutoff=LIKENESS)
        if near and near != [name]:
            raise ValueError(f"{path}: parameters.{name}: did you mean {near[0]!r}?")
    known = {name: parameters[name] for name in model.model_fields if name in parameters}
    try:
        return model.model_validate(change(known))
    except ValidationError as err:
        places = (".".join(map(str, error["loc"])) for error in err.errors())
        wrong = zip(places, (error["msg"] for error in err.errors()), strict=True)
        raise ValueError(f"{path}: " + "; ".join(f"{at}: {said}" for at, said in wrong)) from err
