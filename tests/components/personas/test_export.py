"""The file of a store's events: whole or absent, for its owner only, with the watermark."""

import stat
from datetime import datetime

import pyarrow.parquet as pq
import pytest

from components.histories.events import EVENT_FILE_SCHEMA, StoredEvents, StoreWatermark
from components.personas import export
from components.personas.export import main, write_events
from components.user_hash import KEY_VARIABLE
from tests.components.personas.items import make_item, publish

WATERMARK = StoreWatermark(
    tenant="default", fingerprint="minilm-1", generation=2, sequences=(7, 0, 9)
)


def make_rows(num_rows):
    return [
        {
            "user_id": "anna",
            "item_id": f"i{number}",
            "time": datetime(2024, 1, 1, microsecond=number) if number else None,
            "input": "a text",
            "output": None if number == 1 else "3",
            "is_appended": number == 2,
        }
        for number in range(num_rows)
    ]


def test_rows_and_watermark_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "ROWS_PER_GROUP", 2)
    path = tmp_path / "events.parquet"
    assert write_events(StoredEvents(make_rows(5), WATERMARK), path) == 5
    with pq.ParquetFile(path) as file:
        assert file.schema_arrow.equals(EVENT_FILE_SCHEMA)
        assert file.num_row_groups == 3
        assert file.read().to_pylist() == make_rows(5)
        metadata = file.schema_arrow.metadata
    assert StoreWatermark.model_validate_json(metadata[b"watermark"]) == WATERMARK
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_events_are_an_empty_file(tmp_path):
    path = tmp_path / "events.parquet"
    assert write_events(StoredEvents([], WATERMARK), path) == 0
    assert pq.read_table(path).schema.equals(EVENT_FILE_SCHEMA)


def test_a_failure_leaves_no_file(tmp_path, monkeypatch):
    def fail():
        yield from make_rows(5)
        raise ValueError("item 'i5': has no text")

    monkeypatch.setattr(export, "ROWS_PER_GROUP", 2)
    (tmp_path / ".events.parquet.partial").write_text("what a killed run left")
    with pytest.raises(ValueError, match="has no text"):
        write_events(StoredEvents(fail(), WATERMARK), tmp_path / "events.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path):
    path = tmp_path / "events.parquet"
    path.write_text("precious")
    with pytest.raises(ValueError, match="is there already"):
        write_events(StoredEvents(make_rows(1), WATERMARK), path)
    assert path.read_text() == "precious"


@pytest.fixture
def arguments(place, custody, tmp_path, monkeypatch):
    """Of the command, for the test's store and custody."""
    monkeypatch.setenv(KEY_VARIABLE, custody.hash_key.decode())
    names = ("custody", "user-hash-key")
    given = [part for name in names for part in (f"--{name}", str(tmp_path / name))]
    return ["--store", str(place), "--output", str(tmp_path / "events.parquet"), *given]


def test_the_command_exports_a_store(store, arguments, tmp_path, capsys):
    publish(store, [("anna", [make_item("a", day=1, output="3", text="a text")])])
    main(arguments)
    said = capsys.readouterr().out
    assert said.startswith(f"1 events are in {tmp_path / 'events.parquet'}. The file is in the cle")
    assert pq.read_table(tmp_path / "events.parquet").to_pylist() == [
        {
            "user_id": "anna",
            "item_id": "a",
            "time": datetime(2024, 1, 1),
            "input": "a text",
            "output": "3",
            "is_appended": False,
        }
    ]


def test_the_command_says_what_is_wrong(store, arguments, tmp_path):
    publish(store, [("anna", [make_item("a")])])
    with pytest.raises(SystemExit, match="user 'anna', item 'a': has no text"):
        main(arguments)
    with pytest.raises(SystemExit, match="tenant 'other' has items under the fingerprints"):
        main([*arguments, "--tenant", "other"])
    assert not (tmp_path / "events.parquet").exists()


def test_the_help_warns(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "Delete it after use" in " ".join(capsys.readouterr().out.split())
