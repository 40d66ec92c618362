"""The items of some shards, read from item tables, checked, and put together by user."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.embedding.dead_letters import DeadLetter
from components.embedding.item_tables import ITEM_TABLE_SCHEMA, ItemTables, Piece
from components.personas.identifiers import shard_of
from components.tasks.task import Task
from components.tasks.templates import name_fields

PLACE_FIELDS = [pa.field("file", pa.int32()), pa.field("row", pa.int64())]
PLACED_SCHEMA = pa.schema([*ITEM_TABLE_SCHEMA, *PLACE_FIELDS])
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Of the years 1 to 9999, which have a name."""


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One item that may be stored."""

    item_id: str
    text: str
    """What the history encoder reads."""
    input: str
    output: str | None
    time: datetime | None
    row: int
    """Its row in its file, from 0."""
    is_appended: bool
    """Whether serving had added it to the store that the table was exported from."""


def count_items(tables: ItemTables, num_shards: int) -> NDArray[np.int64]:
    """Return how many rows of the tables each shard has, [S]."""
    counts_S = np.zeros(num_shards, np.int64)
    for first_row, users in tables.read_users():
        shards_I = _find_shards(users, first_row, num_shards)
        counts_S += np.bincount(shards_I, minlength=num_shards)
    return counts_S


@dataclass(frozen=True)
class CheckedItems:
    """The rows of some shards that can be stored, and what is wrong with the others."""

    table: pa.Table
    """Columns as in PLACED_SCHEMA; `text` has a value."""
    shards_I: NDArray[np.int64]
    letters: list[tuple[int, DeadLetter]]
    """What was refused, each with its shard."""

    def of_shard(self, shard: int) -> pa.Table:
        """Return the items of one shard."""
        return self.table.filter(pa.array(self.shards_I == shard))

    def count_refused(self, shard: int) -> int:
        """Return how many items of a shard were refused."""
        return sum(refused_in == shard for refused_in, _ in self.letters)


def read_items(
    tables: ItemTables, shards: Collection[int], num_shards: int, task: Task
) -> CheckedItems:
    """Read the items of some shards, and take out what can't be stored.

    Args:
        tables: All items.
        shards: Which shards' are wanted.
        num_shards: Of the store.
        task: Whose history template makes the text of an item that has none.
    """
    kept: list[pa.Table] = []
    letters: list[tuple[int, DeadLetter]] = []
    names = [file.name for file in tables.files]
    for piece in tables.read():
        shards_I = _find_shards(piece.table["user_id"], piece.first_row, num_shards)
        is_here_I = np.isin(shards_I, list(shards))
        rows = _place(piece, names.index(piece.file.name)).filter(pa.array(is_here_I))
        rows, problems = _check(rows, task)
        letters += [
            (int(shards_I[row - piece.first_row]), _tell(names, file, row, *problem))
            for file, row, problem in problems
        ]
        kept.append(rows)
    table = pa.concat_tables([PLACED_SCHEMA.empty_table(), *kept])
    table, repeated = _take_out_repeated(table, names)
    shards_I = _find_shards(table["user_id"], 0, num_shards)
    return CheckedItems(
        table, shards_I, letters + [(shard_of(user, num_shards), one) for user, one in repeated]
    )


def list_users(table: pa.Table, users: Sequence[str]) -> Iterator[tuple[str, list[SourceItem]]]:
    """Yield users in this order, each with the items in the order of the tables.

    Args:
        table: Of `CheckedItems`.
        users: All its users.
    """
    places_I = pc.index_in(table["user_id"], value_set=pa.array(users, pa.string())).to_numpy()
    order_I = np.argsort(places_I, kind="stable")
    ends_U = np.cumsum(np.bincount(places_I, minlength=len(users)))
    columns = ["item_id", "text", "input", "output", "time", "row", "is_appended"]
    # Once for all: what is taken for one user costs as much as what is taken for all.
    ordered = table.select(columns).take(pa.array(order_I)).combine_chunks()
    start = 0
    for user_id, end in zip(users, ends_U.tolist(), strict=True):
        rows = ordered.slice(start, end - start)
        values = (rows[name].to_pylist() for name in columns)
        yield user_id, [SourceItem(*row) for row in zip(*values, strict=True)]
        start = end


def _find_shards(users: pa.ChunkedArray, first_row: int, num_shards: int) -> NDArray[np.int64]:
    """Return each row's shard, [I]; rows without a user, which are refused, go round."""
    encoded = users.combine_chunks().dictionary_encode()
    of_name = [shard_of(name, num_shards) for name in encoded.dictionary.to_pylist()]
    indices_I = encoded.indices.fill_null(len(of_name)).to_numpy()
    shards_I = np.array([*of_name, 0], np.int64)[indices_I]
    rounds_I = np.arange(first_row, first_row + len(users)) % num_shards
    return np.where(indices_I == len(of_name), rounds_I, shards_I)


def _place(piece: Piece, file: int) -> pa.Table:
    """Return a piece with the places of its rows."""
    rows = np.arange(piece.first_row, piece.first_row + len(piece.table))
    files = pa.array(np.full(len(rows), file, np.int32))
    return pa.table([*piece.table.columns, files, pa.array(rows)], schema=PLACED_SCHEMA)


Problem = tuple[str, str]
"""A field, and what is wrong with it."""


def _check(rows: pa.Table, task: Task) -> tuple[pa.Table, list[tuple[int, int, Problem]]]:
    """Return the rows that can be stored with their texts, and file, row and problem of others."""
    blank = {
        field: pc.fill_null(pc.equal(pc.utf8_trim_whitespace(rows[field]), ""), True)
        for field in ("user_id", "item_id")
    }
    zero = {field: pc.match_substring(rows[field], "\0") for field in blank}
    checks: list[tuple[pa.ChunkedArray, Problem]] = []
    for field in blank:
        checks += [(blank[field], (field, "is blank")), (zero[field], (field, "has a zero byte"))]
    needs_text = pc.is_null(rows["text"])
    checks.append((pc.and_(needs_text, pc.is_null(rows["input"])), ("input", "has no value")))
    if task.unlabelled_template is None:
        lacks = pc.and_(needs_text, pc.is_null(rows["output"]))
        checks.append((lacks, ("output", "has no value, and every history template shows it")))
    seconds = rows["time"].cast(pa.int64())
    beyond = pc.or_(pc.less(seconds, FIRST_SECOND), pc.greater(seconds, LAST_SECOND))
    checks.append((beyond, ("time", "is beyond the years 1 to 9999; are these seconds?")))
    problems_I: list[Problem | None] = [None] * len(rows)
    for is_wrong, problem in checks:
        for place in np.flatnonzero(pc.fill_null(is_wrong, False).to_numpy()).tolist():
            problems_I[place] = problems_I[place] or problem
    is_good_I = pa.array([problem is None for problem in problems_I], pa.bool_())
    places = zip(rows["file"].to_pylist(), rows["row"].to_pylist(), problems_I, strict=True)
    wrong = [(file, row, problem) for file, row, problem in places if problem is not None]
    return _render(rows.filter(is_good_I), task), wrong


def _render(rows: pa.Table, task: Task) -> pa.Table:
    """Return the rows with the texts that the task's template makes of those that have none."""
    if not rows["text"].null_count:
        return rows
    columns = (rows[name].to_pylist() for name in ("text", "input", "output"))
    texts = [
        text if text is not None else render_text(task, given, output)
        for text, given, output in zip(*columns, strict=True)
    ]
    place = rows.column_names.index("text")
    return rows.set_column(place, ITEM_TABLE_SCHEMA.field("text"), pa.array(texts, pa.string()))


def render_text(task: Task, given: str, output: str | None) -> str:
    """Return what the history encoder reads of an item's input and output.

    Raises:
        ValueError: If the task's template names other fields than these two.
    """
    template = task.unlabelled_template if output is None else task.item_template
    assert template is not None  # such items were refused
    fields = {task.input_field: given, task.output_field: output}
    if missing := set(name_fields(template)) - fields.keys():
        raise ValueError(
            f"task {task.name}: the history template names {sorted(missing)}, which item tables "
            "don't have; give them a column 'text'"
        )
    return template.format_map(fields)


def _take_out_repeated(
    table: pa.Table, names: Sequence[str]
) -> tuple[pa.Table, list[tuple[str, DeadLetter]]]:
    """Return the table without an item whose user has one of its id before; and those, by user."""
    ids = pd.DataFrame(
        {
            name: table[name].combine_chunks().dictionary_encode().indices.to_numpy()
            for name in ("user_id", "item_id")
        }
    )
    is_repeated_I = ids.duplicated().to_numpy()
    rows = table.filter(pa.array(is_repeated_I)).select(["user_id", "file", "row"]).to_pylist()
    problem = ("item_id", "the user has an item of this id in an earlier row")
    letters = [(row["user_id"], _tell(names, row["file"], row["row"], *problem)) for row in rows]
    return table.filter(pa.array(~is_repeated_I)), letters


def _tell(names: Sequence[str], file: int, row: int, field: str, reason: str) -> DeadLetter:
    return DeadLetter(file=names[file], row=row + 1, field=field, reason=reason)


def cut_batches(
    users: Iterable[tuple[str, list[SourceItem]]], most: int
) -> Iterator[list[tuple[str, list[SourceItem]]]]:
    """Yield users in batches of at most so many items; who has more is a batch by herself."""
    batch: list[tuple[str, list[SourceItem]]] = []
    num_items = 0
    for user in users:
        if batch and num_items + len(user[1]) > most:
            yield batch
            batch, num_items = [], 0
        batch.append(user)
        num_items += len(user[1])
    if batch:
        yield batch
