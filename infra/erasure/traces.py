"""A trace: one artifact, report or model that knows a user."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

COLUMNS = ("WHAT", "SINCE", "WHY IT KNOWS THE USER", "WITH --purge")


@dataclass(frozen=True)
class Trace:
    """Something that knows a user."""

    what: str
    where: str
    since: datetime
    why: str
    """Why it knows her."""
    kept: str = ""
    """Why a purge leaves it; empty: it is removed."""
    remove: Callable[[], int] | None = field(default=None, repr=False, compare=False)
    """Removes it and returns how many files that were; none for what is kept."""
    producer: UUID | None = None
    """The step run that ZenML must not answer from any more once this is forgotten."""

    def describe(self) -> dict[str, Any]:
        """Return what programs get to know."""
        return {
            "what": self.what,
            "where": self.where,
            "since": self.since.isoformat(),
            "why": self.why,
            "purge": f"kept: {self.kept}" if self.kept else "removed",
        }


def write_table(traces: Sequence[Trace]) -> str:
    """Write the traces for people: two lines each, the second one says where it lies."""
    if not traces:
        return "Nothing knows the user any more.\n"
    rows = [
        (
            trace.what,
            f"{trace.since:%Y-%m-%d %H:%M}",
            trace.why,
            f"kept: {trace.kept}" if trace.kept else "removed",
        )
        for trace in traces
    ]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    lines = [_pad(COLUMNS, widths)]
    for row, trace in zip(rows, traces, strict=True):
        lines += [_pad(row, widths), f"    {trace.where}"]
    return "\n".join(lines) + "\n"


def _pad(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
