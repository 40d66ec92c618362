"""Events of a file or a store: each row is read, checked and rendered."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.histories.config import EventColumns
from components.histories.events import Watermark
from components.histories.record import Record
from components.histories.tables import ROWS_PER_BATCH
from components.histories.timelines import EVENT_SCHEMA
from components.tasks.task import Task
from components.tasks.templates import name_fields

MAX_BAD_ROWS = 10
"""After so many the reading stops: most often one column is wrong in all rows."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventSource:
    """Rows that are events, and what they mean.

    Attributes:
        name: The file or store, for errors and logs.
        records: The rows and their numbers; can be read once.
        columns: Which columns mean what.
        task: How an event is rendered as an item.
        find_place: Tells where a row of that number stands, for errors.
        mark: Tells up to where was read, once that is done, by the rows that became items.
        is_complete: Whether it is an error if an event has no output or no time; else it is an
            item, and no question.
    """

    name: str
    records: Iterable[tuple[int, Record]] = field(repr=False)
    columns: EventColumns
    task: Task
    find_place: Callable[[int], str] = field(repr=False)
    mark: Callable[[NDArray[np.int64]], Watermark] = field(repr=False)
    is_complete: bool = True

    def read(self, drop_labels: Collection[str]) -> Iterator[pa.RecordBatch]:
        """Yield the events, columns as in EVENT_SCHEMA, without those whose label is dropped.

        Raises:
            ValueError: If rows are bad: of the first MAX_BAD_ROWS each is named, with its field.
        """
        dropped: Counter[str] = Counter()
        waiting: list[dict[str, Any]] = []
        problems: list[str] = []
        for number, record in self.records:
            try:
                output = self._read_output(record)
                if output in drop_labels:
                    dropped[str(output)] += 1
                    continue
                waiting.append(self._read_event(number, record, output))
            except ValueError as err:
                problems.append(str(err))
                if len(problems) == MAX_BAD_ROWS:
                    break
            if len(waiting) == ROWS_PER_BATCH:
                yield pa.RecordBatch.from_pylist(waiting, EVENT_SCHEMA)
                waiting = []
        if problems:
            raise ValueError("\n".join(problems))
        yield pa.RecordBatch.from_pylist(waiting, EVENT_SCHEMA)
        if dropped:
            logger.info("%s: left out by drop_labels: %s", self.name, dict(dropped))

    def _read_output(self, record: Record) -> str | None:
        """Return the output; whether it is a label, the validation judges."""
        field = self.columns.output
        return record.text(field) if self.is_complete or record.has_value(field) else None

    def _read_time(self, record: Record) -> datetime | None:
        field = self.columns.time
        return record.time(field) if self.is_complete or record.has_value(field) else None

    def _read_event(self, number: int, record: Record, output: str | None) -> dict[str, Any]:
        """Return a row of EVENT_SCHEMA."""
        id_field = self.columns.item_id
        payload = record.text(self.columns.input)
        return {
            "row": number,
            "user_id": record.identifier(self.columns.user),
            "item_id": f"row-{number:08d}" if id_field is None else record.identifier(id_field),
            "time": self._read_time(record),
            "text": self._render_item(record, payload, output),
            "payload": payload,
            "output": output,
        }

    def _render_item(self, record: Record, payload: str, output: str | None) -> str:
        task = self.task
        template = task.item_template if output is not None else task.unlabelled_template
        if template is None:
            raise record.error(
                self.columns.output,
                f"has no value, and task {task.name} has no plain_history_template, by which an "
                "item without one could be read",
            )
        # The task's own names for input and output stand for the mapped columns.
        named = {task.input_field: payload, task.output_field: output}
        return template.format_map(
            {
                name: named[name] if name in named else record.text(name)
                for name in name_fields(template)
            }
        )
