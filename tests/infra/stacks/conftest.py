from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def clone(zenml_home: Path, tmp_path: Path) -> Iterator[Path]:
    """Another clone's root; the shared session's root is activated again afterwards."""
    from zenml.client import Client

    root = tmp_path / "clone"
    root.mkdir()
    yield root
    Client().activate_root(zenml_home)
