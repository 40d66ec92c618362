"""Files in the shape of the benchmark's outputs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.histories.golds import write_golds


def test_the_benchmarks_shape(tmp_path: Path) -> None:
    path = tmp_path / "new" / "p.json"
    golds = [("1", 'a "title"\n'), ("2", "été \U0001f600"), ("3", "")]
    write_golds(path, "LaMP_5", iter(golds))
    assert json.loads(path.read_text("utf-8")) == {
        "task": "LaMP_5",
        "golds": [{"id": name, "output": output} for name, output in golds],
    }
    write_golds(path, "LaMP_5", [])
    assert json.loads(path.read_text("utf-8")) == {"task": "LaMP_5", "golds": []}


def test_complete_or_not_at_all(tmp_path: Path) -> None:
    def fail() -> Iterator[tuple[str, str]]:
        yield "1", "a"
        raise RuntimeError("lost")

    path = tmp_path / "p.json"
    with pytest.raises(RuntimeError, match="lost"):
        write_golds(path, "LaMP_5", fail())
    assert list(tmp_path.iterdir()) == []
    write_golds(path, "LaMP_5", [("1", "old")])
    with pytest.raises(RuntimeError, match="lost"):
        write_golds(path, "LaMP_5", fail())
    assert list(tmp_path.iterdir()) == [path]
    assert "old" in path.read_text("utf-8")
