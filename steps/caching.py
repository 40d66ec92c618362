"""A step's cache key covers the code that the step uses: the import closure of its file.

ZenML's own key holds the step function's source and nothing that it calls. `code_of` reads the
imports of a file without running it, follows those that lie in this repository, and names the
files found in the step's cache policy, so an edit in one of them makes the step run again and
an edit elsewhere does not.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from zenml.config.cache_policy import CachePolicy

from components.folder import hash_files

DATA_SUFFIXES = frozenset({".html", ".j2", ".json", ".sql", ".txt", ".yaml"})


def code_of(file: str, *also: str) -> CachePolicy:
    """Return the cache policy of the step that is defined in `file`.

    Args:
        file: The step's file, `__file__`.
        *also: Modules that the step uses without importing them ("components.serving.model"), as
            when a file is handed to MLflow as a model from code.

    Returns:
        ZenML's default policy with the import closure as file dependencies, relative to the
        source root (so the key is the same on another machine).

    Raises:
        ValueError: If a module of `also` is not in the repository.
    """
    path = Path(file).resolve()
    root = source_root(path)
    start = {path}
    for name in also:
        found = set(_files_of(name, root))
        if not found & {root / f"{name.replace('.', '/')}{end}" for end in (".py", "/__init__.py")}:
            raise ValueError(f"{path.name}: module {name!r} of the cache key is not in {root}")
        start |= found
    closure = import_closure(start, root)
    files = sorted(member.relative_to(root).as_posix() for member in closure)
    return CachePolicy(file_dependencies=files)


def hash_code(file: str) -> str:
    """Return a sha256 of the code that the step in `file` uses: what its cache key covers."""
    path = Path(file).resolve()
    root = source_root(path)
    return hash_files(root, sorted(import_closure({path}, root)))


def source_root(file: Path) -> Path:
    """Return the folder that the top-level package of `file` lies in."""
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def import_closure(start: set[Path], root: Path) -> set[Path]:
    """Return the files that `start` imports, over any number of hops, and `start` itself.

    Imports inside functions and under TYPE_CHECKING count. Data files (templates, word lists)
    that lie beside a module of a package below the top level count as used by it. A module
    loaded by a computed name is not seen.

    Args:
        start: Files below `root`.
        root: The folder whose modules are followed; all others are third parties.

    Returns:
        Python and data files, absolute.
    """
    closure: set[Path] = set()
    waiting = set(start)
    while waiting:
        path = waiting.pop()
        closure.add(path)
        waiting |= _imported_files(path, root) - closure
    return closure | {data for path in closure for data in _data_beside(path, root)}


def _imported_files(path: Path, root: Path) -> set[Path]:
    parts = path.relative_to(root).with_suffix("").parts
    package = ".".join(parts[:-1])
    names = (".".join(parts), *_imported_names(path.read_text(encoding="utf-8"), package))
    return {found for name in names for found in _files_of(name, root)}


@cache
def _imported_names(source: str, package: str) -> tuple[str, ...]:
    """Return every dotted name that the source may import; `from a import b` gives a and a.b."""
    return tuple(name for node in ast.walk(ast.parse(source)) for name in _names(node, package))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1]
            module = ".".join([*above, *filter(None, [module])])
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """Yield the files that importing `name` runs: its packages' `__init__.py` and its own."""
    folder = root
    for part in name.split("."):
        module, folder = folder / f"{part}.py", folder / part
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py"
        elif module.is_file():
            yield module
            return
        elif not folder.is_dir():
            return


def _data_beside(path: Path, root: Path) -> Iterator[Path]:
    if len(path.relative_to(root).parts) > 2:
        yield from (file for file in path.parent.rglob("*") if file.suffix in DATA_SUFFIXES)
