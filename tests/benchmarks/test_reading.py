"""The command ends with its figures, and leaves nothing behind."""

import json
import tempfile
from pathlib import Path

import pytest

from benchmarks.reading import main


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the memory")
def test_a_small_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["reading", "--megabytes", "1", "--json"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result) == {"file_bytes", "peak_bytes", "seconds"}
    assert 1_000_000 <= result["file_bytes"] < 1_300_000
    assert result["peak_bytes"] > result["file_bytes"]
    assert list(tmp_path.iterdir()) == []
