"""Personal data in the two tables: counted row by row and by kind, and masked on demand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.tasks.task import Task
from components.validation.personal_data import count_personal_data, mask_personal_data
from components.validation.report import PersonalDataCount, TableName
from components.validation.source_tables import SourceTables, list_texts


@dataclass(frozen=True)
class PersonalFindings:
    """Where personal data stands, and how much of it."""

    rows: dict[TableName, NDArray[np.bool_]]
    """bool [I] and [Q]."""
    counts: tuple[PersonalDataCount, ...]
    """Kinds that were found."""


def find_personal_data(tables: SourceTables, task: Task) -> PersonalFindings:
    """Look through what users wrote.

    The first column of a table's texts is rendered from the others, and perhaps from fields that
    have no column: of each kind the larger number of the two counts.
    """
    rows, counts = {}, []
    for name, table in tables.with_texts.items():
        rendered, *own = (count_personal_data(table[column]) for column in list_texts(name, task))
        found = {
            kind: np.maximum(number, sum(counted[kind] for counted in own))
            for kind, number in rendered.items()
        }
        rows[name] = np.any([number > 0 for number in found.values()], axis=0)
        counts += [
            PersonalDataCount(
                table=name, kind=kind, rows=int((number > 0).sum()), finds=int(number.sum())
            )
            for kind, number in found.items()
            if number.any()
        ]
    return PersonalFindings(rows, tuple(counts))


def mask_pieces(name: TableName, pieces: Iterable[pa.Table], task: Task) -> Iterator[pa.Table]:
    """Yield the pieces of a table with personal data replaced by its kind; labels stay."""
    for piece in pieces:
        for column in list_texts(name, task):
            place = piece.schema.get_field_index(column)
            masked = mask_personal_data(piece[column])
            piece = piece.set_column(place, piece.schema.field(place), masked)
        yield piece
