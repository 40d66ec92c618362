"""Files of items: kinds, places, columns, and what is wrong with them."""

from datetime import datetime

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.embedding.item_tables import ItemTables

ROWS = [
    {"user_id": "anna", "item_id": "a", "input": "great", "output": "5", "time": 1_700_000_000},
    {"user_id": "bert", "item_id": "b", "input": "bad", "output": "1", "time": None},
]
TIME = datetime(2023, 11, 14, 22, 13, 20)


def write(path, table, kind):
    if kind == "parquet":
        pq.write_table(table, path)
    elif kind == "stream":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=1)


def read(*places):
    tables = ItemTables.find([str(place) for place in places])
    return [row for piece in tables.read() for row in piece.table.to_pylist()]


@pytest.mark.parametrize("kind", ["parquet", "stream", "file"])
def test_every_kind_gives_the_same_rows(tmp_path, kind):
    path = tmp_path / ("items.parquet" if kind == "parquet" else "items.arrow")
    write(path, pa.Table.from_pylist(ROWS), kind)
    first, second = read(path)
    assert first == {
        "user_id": "anna",
        "item_id": "a",
        "time": TIME,
        "text": None,
        "input": "great",
        "output": "5",
        "is_appended": False,
    }
    assert second["time"] is None
    tables = ItemTables.find([str(path)])
    users = [(first, part.to_pylist()) for first, part in tables.read_users()]
    in_pieces = [(0, ["anna"]), (1, ["bert"])]
    assert users == (in_pieces if kind == "file" else [(0, ["anna", "bert"])])


def test_files_may_lie_in_object_storage(tmp_path):
    memory = fsspec.filesystem("memory")
    for number, row in enumerate(ROWS):
        with memory.open(f"/bucket/items/part-{number}.parquet", "wb") as file:
            pq.write_table(pa.Table.from_pylist([row]), file)
    tables = ItemTables.find(["memory://bucket/items/*.parquet"])
    assert [file.name for file in tables.files] == [
        "memory:///bucket/items/part-0.parquet",
        "memory:///bucket/items/part-1.parquet",
    ]
    assert [row["item_id"] for row in read("memory://bucket/items/*.parquet")] == ["a", "b"]
    pieces = list(tables.read())
    assert [(piece.file.name[-9:], piece.first_row) for piece in pieces] == [
        ("0.parquet", 0),
        ("1.parquet", 0),
    ]


def test_columns_are_read_as_what_they_mean(tmp_path):
    table = pa.table(
        {
            "user_id": pa.array([7, 8]),
            "item_id": pa.array(["a", "b"]).dictionary_encode(),
            "text": pa.array(["x", "y"], pa.large_string()),
            "output": pa.array([5.0, 4.5]),
            "time": pa.array([TIME.replace(microsecond=900_000)] * 2, pa.timestamp("us", "UTC")),
            "another": pa.array([1, 2]),
        }
    )
    write(tmp_path / "items.parquet", table, "parquet")
    first, second = read(tmp_path / "items.parquet")
    assert (first["user_id"], first["item_id"], first["text"]) == ("7", "a", "x")
    assert (first["output"], second["output"]) == ("5", "4.5")
    assert (first["input"], first["time"]) == (None, TIME)


def test_another_content_is_another_identity(tmp_path):
    path = tmp_path / "items.parquet"
    write(path, pa.Table.from_pylist(ROWS), "parquet")
    first = ItemTables.find([str(path)]).identify()
    assert ItemTables.find([str(path)]).identify() == first
    write(path, pa.Table.from_pylist(ROWS[:1]), "parquet")
    assert ItemTables.find([str(path)]).identify() != first


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"item_id": ["a"], "input": ["x"]}, "has no column 'user_id'"),
        ({"user_id": ["u"], "item_id": ["a"]}, "has neither a column 'input' nor 'text'"),
        (
            {"user_id": ["u"], "item_id": ["a"], "input": ["x"], "time": ["yesterday"]},
            r"field 'time': is string, which can't be read as timestamp\[s\]$",
        ),
    ],
)
def test_what_is_wrong_names_file_and_field(tmp_path, columns, message):
    path = tmp_path / "items.parquet"
    write(path, pa.table(columns), "parquet")
    with pytest.raises(ValueError, match=rf"items\.parquet.* ?{message}"):
        read(path)


def test_what_can_not_be_read_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.parquet: there is no such file"):
        ItemTables.find([str(tmp_path / "nothing.parquet")])
    (tmp_path / "items.csv").write_text("user_id\n")
    with pytest.raises(ValueError, match=r"items\.csv: the name must end in one of"):
        ItemTables.find([str(tmp_path / "items.csv")])
    for name in ("items.parquet", "items.arrow"):
        (tmp_path / name).write_bytes(b"no such thing, but long enough")
        with pytest.raises(ValueError, match=rf"{name}: can't be read"):
            read(tmp_path / name)
