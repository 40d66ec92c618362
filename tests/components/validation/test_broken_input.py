"""Random broken input raises nothing but our own clear errors, and no row is lost."""

import json
import string
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, HistoryRows
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.report import UnsoundHistoriesError, ValidationReport
from components.validation.validate import validate_histories
from components.validation.validation_folder import ValidationFolder
from tests.components.validation.histories import (
    HEADLINE,
    SCORE,
    make_rows,
    replace_table,
    write,
)
from tests.components.validation.outcomes import LENIENT

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
WORDS = st.sampled_from(["", " ", "1", "good film", "caf\u00e9", "\x00", "\ufffd", "12:30", "=1+1"])
TEXTS = st.one_of(WORDS, st.text(max_size=12))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
) | st.sampled_from([10**400, [[[[[[[[]]]]]]]]])
FIELDS = ("user_id", "timestamp", "review", "score")
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(["ann", "bob"]) | JSON,
        "timestamp": TIMES.map(str) | st.integers(-(10**12), 10**12) | JSON,
        "review": TEXTS | JSON,
        "score": st.sampled_from(["1", "2", "3", 2, 3.0]) | JSON,
        "more": JSON,
    },
)
SOUND_EVENT = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["ann", "bob"]),
        "timestamp": st.dates().map(str),
        "review": st.text(string.ascii_letters + " ", max_size=30),
        "score": st.sampled_from(["1", "2", "3", "4"]),
    }
)


def validate(histories: Any, task: Task, directory: Path) -> ValidationReport:
    config = ValidationConfig(thresholds=LENIENT)
    return validate_histories(histories, task, config, directory).report


def nullable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": nullable(st.sampled_from(["ann", "bob", ""])),
            "item_id": nullable(st.sampled_from(["a", "b", "c", ""])),
            "time": nullable(TIMES),
            "text": nullable(TEXTS),
            "input": nullable(TEXTS),
            "output": nullable(st.sampled_from(["1", "2", "9", ""]) | TEXTS),
        }
    ),
    max_size=8,
)
QUESTIONS = st.lists(
    st.fixed_dictionaries(
        {
            "question_id": nullable(st.sampled_from(["p", "q", "r"])),
            "user_id": nullable(st.sampled_from(["ann", "bob", "cyd"])),
            "split": nullable(st.sampled_from(["train", "dev", "test", "other"])),
            "time": nullable(TIMES),
            "input": nullable(TEXTS),
            "payload": nullable(TEXTS),
            "output": nullable(st.sampled_from(["1", "9"]) | TEXTS),
            "history": nullable(st.lists(nullable(st.integers(-2, 9)), max_size=5)),
        }
    ),
    max_size=6,
)


@given(items=ITEMS, questions=QUESTIONS, task=st.sampled_from([SCORE, HEADLINE]))
@FEW
def test_any_tables_are_judged_and_every_row_is_kept_or_in_quarantine(
    items: list[Any], questions: list[Any], task: Task
) -> None:
    with TemporaryDirectory() as temporary:
        directory = Path(temporary)
        histories = write(directory / "in", HistoryRows([], []))
        replace_table(histories, "items", pa.Table.from_pylist(items, schema=ITEM_SCHEMA))
        table = pa.Table.from_pylist(questions, schema=QUESTION_SCHEMA)
        replace_table(histories, "questions", table)
        report = validate(histories, task, directory / "out")
        folder = ValidationFolder.at(directory / "out" / "validation")
        in_quarantine = {(row["table"], row["row"]) for row in folder.quarantine.to_pylist()}
        num_links = sum(len(question["history"] or ()) for question in questions)
        for count, total in zip(
            report.counts, (len(items), len(questions), num_links), strict=True
        ):
            assert count.counts_in == total == count.kept + count.quarantined
            assert count.quarantined == sum(table == count.table for table, _ in in_quarantine)
        assert all(result.failed <= result.checked for result in report.rules)


@given(
    columns=st.dictionaries(
        st.sampled_from([*ITEM_SCHEMA.names, "more"]),
        st.sampled_from([pa.int64(), pa.float64(), pa.large_string(), pa.list_(pa.string())]),
        min_size=1,
    )
)
@FEW
def test_wrong_columns_are_a_validation_error(columns: dict[str, pa.DataType]) -> None:
    rows = make_rows()
    table = rows.item_table()
    for name, kind in columns.items():
        values = pa.nulls(len(table), kind)
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, values)
        else:
            table = table.append_column(name, values)
    with TemporaryDirectory() as temporary:
        histories = write(Path(temporary) / "in", rows)
        replace_table(histories, "items", table)
        try:
            validate(histories, SCORE, Path(temporary) / "out")
        except UnsoundHistoriesError as err:
            assert {result.rule for result in err.report.stopping} == {"schema"}
            assert err.report.stopping[0].failed == len(columns)
        else:
            raise AssertionError("wrong columns went through")


def read_and_validate(lines: list[str], directory: Path) -> ValidationReport | None:
    """Read lines as events and validate them; None if the reader refused them, by name."""
    path = directory / "events.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    mapping = {"path": path, "input": "review", "output": "score", "min_events": 1}
    data = DataConfig.model_validate({"source": "interactions", "interactions": mapping})
    try:
        histories = read_histories(data, READ_TASK, 0, directory / "raw")
    except ValueError as err:
        assert "events.jsonl" in str(err)
        return None
    return validate(histories, READ_TASK, directory / "out")


READ_TASK = SCORE.model_copy(
    update={"input_field": "review", "history_template": "score: {score} review: {review}"}
)


@given(
    sound=st.lists(SOUND_EVENT, max_size=8),
    broken=st.lists(EVENTS.map(json.dumps) | st.text(max_size=40), max_size=2),
    place=st.integers(0, 8),
)
@FEW
def test_any_file_is_read_or_refused_by_name(
    sound: list[dict[str, str]], broken: list[str], place: int
) -> None:
    lines = [json.dumps(event) for event in sound]
    with TemporaryDirectory() as temporary:
        report = read_and_validate(lines[:place] + broken + lines[place:], Path(temporary))
        if report is not None:
            assert report.counts[0].counts_in >= len(sound)


@given(
    content=st.binary(max_size=200), ending=st.sampled_from(["jsonl", "csv", "parquet", "jsonl.gz"])
)
@FEW
def test_any_bytes_are_read_or_refused_by_name(content: bytes, ending: str) -> None:
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / f"events.{ending}"
        path.write_bytes(content)
        mapping = {"path": path, "input": "review", "output": "score", "min_events": 1}
        data = DataConfig.model_validate({"source": "interactions", "interactions": mapping})
        try:
            read_histories(data, READ_TASK, 0, Path(temporary) / "raw")
        except ValueError as err:
            assert path.name in str(err)
