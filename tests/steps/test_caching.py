from pathlib import Path

import pytest

from steps.caching import code_of, source_root
from tests.steps.conftest import USED, ToyRepository


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "steps/__init__.py": "",
        "steps/one.py": "import json\nimport numpy as np\nfrom lib.a import name, sub\n",
        "lib/__init__.py": "",
        "lib/unused.py": "",
        "lib/late.py": "",
        "lib/typed.py": "",
        "lib/a/__init__.py": "",
        "lib/a/sub.py": "from . import beside\nfrom ..b.deep import x\n",
        "lib/a/beside.py": "def f():\n    import lib.late\n",
        "lib/a/unused.py": "import lib.unused\n",
        "lib/a/page.html": "<p>",
        "lib/a/notes.md": "no code reads this",
        "lib/b/__init__.py": "import typing\nif typing.TYPE_CHECKING:\n    import lib.typed",
        "lib/b/deep.py": "import steps.one\nx = 1\n",
        "lib/b/page.html": "<p>",
        "lib/b/templates/part.j2": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_closure_follows_every_kind_of_import_within_the_repository(tree: Path) -> None:
    policy = code_of(str(tree / "steps/one.py"))

    assert policy.file_dependencies == [
        "lib/__init__.py",
        "lib/a/__init__.py",
        "lib/a/beside.py",
        "lib/a/page.html",
        "lib/a/sub.py",
        "lib/b/__init__.py",
        "lib/b/deep.py",
        "lib/b/page.html",
        "lib/b/templates/part.j2",
        "lib/late.py",
        "lib/typed.py",
        "steps/__init__.py",
        "steps/one.py",
    ]


def test_a_module_used_without_an_import_can_be_named(tree: Path) -> None:
    named = code_of(str(tree / "steps/one.py"), "lib.a.unused").file_dependencies or []

    assert {"lib/a/unused.py", "lib/unused.py"} <= set(named)
    with pytest.raises(ValueError, match=r"one\.py: module 'lib\.nowhere'"):
        code_of(str(tree / "steps/one.py"), "lib.nowhere")


def test_an_edit_of_the_report_does_not_retrain_and_one_of_the_embedder_does() -> None:
    """The real tree: what the training step itself names in its cache policy."""
    from steps.train_user_embedder import train_user_embedder

    policy = train_user_embedder.configuration.cache_policy
    training = set(policy.file_dependencies or []) if policy else set()
    root = source_root(Path(__file__))
    files = [path for path in (root / "components").rglob("*") if path.suffix in (".py", ".html")]
    report, embedder = (
        {path.relative_to(root).as_posix() for path in files if package in path.parts}
        for package in ("reporting", "user_embedder")
    )

    assert len(report) > 5
    assert len(embedder) > 4
    assert not training & report
    assert embedder <= training


def test_a_step_runs_again_exactly_when_its_code_changes(toy_repository: ToyRepository) -> None:
    assert toy_repository.run()["use_inside"] == "completed"

    toy_repository.write("toy_parts/unused.py", "x = 1\n")
    assert toy_repository.run()["use_inside"] == "cached"

    toy_repository.write("toy_parts/used.py", USED + "# an edit two hops away\n")
    assert toy_repository.run()["use_inside"] == "completed"
