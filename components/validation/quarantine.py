"""Defective rows apart from sound ones: what goes to quarantine, and the histories that remain.

Legend: I items, Q questions, L history links.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.histories.tables import ROWS_PER_BATCH
from components.validation.engine import CheckResult
from components.validation.report import MAX_IDS, TableCounts, TableName
from components.validation.source_tables import SourceTables

QUARANTINE_SCHEMA = pa.schema(
    {
        "table": pa.string(),
        "row": pa.int64(),
        "user_id": pa.string(),
        "id": pa.string(),
        "rule": pa.string(),
        "reason": pa.string(),
    }
)
"""One row for each way in which a row is defective. `row` counts from 0 in the table as it came;
history links are counted question by question, oldest item first. No texts."""

FALLOUT = "fallout"
"""The "rule" of links that went because their item or their question did."""
NO_ID = "(blank)"


@dataclass(frozen=True)
class Defect:
    """Rows of one table that are defective in one way."""

    table: TableName
    rows: np.ndarray
    rule: str
    reason: str


@dataclass(frozen=True)
class Sorting:
    """Which rows are kept, and why the others are not."""

    kept: dict[TableName, np.ndarray]
    """bool [I], [Q] and [L]."""
    defects: list[Defect]

    def counts(self) -> tuple[TableCounts, ...]:
        """Return where the rows of each table went."""
        return tuple(
            TableCounts(
                table=table,
                counts_in=len(kept),
                kept=int(kept.sum()),
                quarantined=self._count_defective(table),
            )
            for table, kept in self.kept.items()
        )

    def _count_defective(self, table: TableName) -> int:
        """Count from the defects, not from `kept`: that both add up is then a check."""
        rows = [defect.rows for defect in self.defects if defect.table == table]
        return len(np.unique(np.concatenate(rows))) if rows else 0


def sort_rows(tables: SourceTables, results: Iterable[CheckResult]) -> Sorting:
    """Keep the rows that no critical check found defective, and the links between kept rows."""
    defects = [
        Defect(result.check.table, result.rows, result.check.rule, result.check.reason)
        for result in results
        if len(result.rows)
    ]
    kept: dict[TableName, np.ndarray] = {
        "items": np.ones(len(tables.items), bool),
        "questions": np.ones(len(tables.questions), bool),
        "history_links": np.ones(len(tables.item_rows_L), bool),
    }
    for defect in defects:
        kept[defect.table][defect.rows] = False
    ends: dict[TableName, np.ndarray] = {
        "questions": tables.question_rows_L,
        "items": tables.item_rows_L,
    }
    for table, ends_L in ends.items():
        left = kept["history_links"]
        lost_L = left & ~kept[table][ends_L] if len(kept[table]) else np.zeros_like(left)
        if lost_L.any():
            reason = f"its {table.removesuffix('s')} is in quarantine"
            defects.append(Defect("history_links", np.flatnonzero(lost_L), FALLOUT, reason))
            kept["history_links"] = left & ~lost_L
    return Sorting(kept, defects)


def build_quarantine(tables: SourceTables, defects: Sequence[Defect]) -> pa.Table:
    """Return the quarantine as a table, by table and row."""
    parts = [_list_defect(tables, defect) for defect in defects]
    table = pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *parts])
    return table.sort_by([("table", "ascending"), ("row", "ascending")]).combine_chunks()


@dataclass(frozen=True)
class SoundRows:
    """Items and questions without quarantined rows, piece by piece."""

    tables: SourceTables
    sorting: Sorting

    def items(self) -> Iterator[pa.Table]:
        """Yield the items that are kept."""
        kept_I = self.sorting.kept["items"]
        for start in range(0, len(kept_I), ROWS_PER_BATCH):
            piece = self.tables.items.slice(start, ROWS_PER_BATCH)
            yield piece.filter(pa.array(kept_I[start : start + ROWS_PER_BATCH]))

    def questions(self) -> Iterator[pa.Table]:
        """Yield the questions that are kept; histories point at the new rows of items."""
        kept_I, kept_Q, kept_L = (
            self.sorting.kept[name] for name in ("items", "questions", "history_links")
        )
        new_rows_I = (np.cumsum(kept_I) - 1).astype(np.int32)
        links_Q = np.bincount(self.tables.question_rows_L, minlength=len(kept_Q))
        ends_Q = np.cumsum(links_Q)
        for start in range(0, len(kept_Q), ROWS_PER_BATCH):
            stop = min(start + ROWS_PER_BATCH, len(kept_Q))
            links = slice(ends_Q[start] - links_Q[start], ends_Q[stop - 1])
            rows_L = self.tables.item_rows_L[links][kept_L[links]]
            asked_L = self.tables.question_rows_L[links][kept_L[links]] - start
            lengths = np.bincount(asked_L, minlength=stop - start)[kept_Q[start:stop]]
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
            assert offsets[-1] == len(rows_L), "a kept history link lost its question"
            history = pa.ListArray.from_arrays(pa.array(offsets), pa.array(new_rows_I[rows_L]))
            piece = self.tables.questions.slice(start, stop - start)
            piece = piece.filter(pa.array(kept_Q[start:stop]))
            column = piece.schema.get_field_index("history")
            yield piece.set_column(column, piece.schema.field(column), history)


def name_rows(tables: SourceTables, table: TableName, rows: np.ndarray) -> tuple[str, ...]:
    """Return what the first of the rows are called in a report."""
    users, ids = _identify(tables, table, rows[:MAX_IDS])
    names = [
        f"{user}/{name}" if table == "items" else name
        for user, name in zip(users.to_pylist(), ids.to_pylist(), strict=True)
    ]
    return tuple(names)


def _list_defect(tables: SourceTables, defect: Defect) -> pa.Table:
    users, ids = _identify(tables, defect.table, defect.rows)
    constant = {"table": defect.table, "rule": defect.rule, "reason": defect.reason}
    columns = {name: pa.repeat(value, len(defect.rows)) for name, value in constant.items()}
    columns |= {"row": pa.array(defect.rows, pa.int64()), "user_id": users, "id": ids}
    return pa.table(columns).select(QUARANTINE_SCHEMA.names).cast(QUARANTINE_SCHEMA)


def _identify(
    tables: SourceTables, table: TableName, rows: np.ndarray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return users and ids of rows; a link is called after its question and its item."""
    if table == "items":
        return _take(tables.items, "user_id", rows), _take(tables.items, "item_id", rows)
    asked = tables.question_rows_L[rows] if table == "history_links" else rows
    users = _take(tables.questions, "user_id", asked)
    ids = _take(tables.questions, "question_id", asked)
    if table == "history_links":
        item_ids = _take(tables.items, "item_id", tables.item_rows_L[rows])
        ids = pc.binary_join_element_wise(ids, item_ids, " < ")
    return users, ids


def _take(table: pa.Table, column: str, rows: np.ndarray) -> pa.ChunkedArray:
    """Return values of some rows; of none (-1), null or blank ones, a word that says so."""
    values = table[column].take(pa.array(rows, mask=rows < 0))
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(values)), 0)
    return pc.if_else(pc.fill_null(blank, True), NO_ID, values)
