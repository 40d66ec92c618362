"""Rows of the persona store's table: made of items that were checked, and read back as a persona.

Letters: n items of one user, E width of the history encoder.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.personas.persona import PersonaItem, StoredPersona

DTYPE = np.dtype("<f2")
EPOCH = datetime(1970, 1, 1)


def to_rows(user_id: str, items: Iterable[PersonaItem], dim: int) -> list[dict[str, Any]]:
    """Return a user's items as columns and values of the table, all of them checked.

    Raises:
        ValueError: If a vector is not [dim] or not finite as float16, an id is blank or comes
            twice, or a content hash is no sha256.
    """
    check_id("user_id", user_id)
    items = list(items)
    seen: set[str] = set()
    for item in items:
        check_id(f"user {user_id!r}, item_id", item.item_id)
        if item.item_id in seen:
            raise _error(user_id, item, "comes twice")
        seen.add(item.item_id)
    return [
        {
            "item_id": item.item_id,
            "time_us": _to_microseconds(item.time),
            "content_hash": _parse_hash(user_id, item),
            "vector": vector.tobytes(),
            "output": item.output,
        }
        for item, vector in zip(items, _to_matrix(user_id, items, dim), strict=True)
    ]


def to_persona(rows: Sequence[Any], dim: int) -> StoredPersona:
    """Return rows of (item_id, time_us, vector), oldest first, as a persona."""
    stored = bytearray().join(row.vector for row in rows)  # a bytearray: the array is writable
    return StoredPersona(
        vectors=np.frombuffer(stored, DTYPE).reshape(len(rows), dim),
        item_ids=tuple(row.item_id for row in rows),
        times=tuple(_from_microseconds(row.time_us) for row in rows),
    )


def check_id(name: str, value: str) -> None:
    """Refuse an id that is blank or no text.

    Raises:
        ValueError: With the name of what was refused.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {value!r}, expected text that is not blank")


def _to_matrix(user_id: str, items: Sequence[PersonaItem], dim: int) -> NDArray[np.float16]:
    """Return the vectors as float16 [n, E], refusing what float16 can't hold."""
    matrix = np.empty((len(items), dim), DTYPE)
    for row, item in zip(matrix, items, strict=True):
        vector = np.asarray(item.vector)
        if vector.shape != (dim,) or not np.issubdtype(vector.dtype, np.floating):
            raise _error(
                user_id,
                item,
                f"the vector is {vector.dtype} of shape {vector.shape}, "
                f"allowed is floating point of shape ({dim},)",
            )
        with np.errstate(over="ignore"):  # beyond float16's range is infinite: found below
            row[:] = vector
    for item, row in zip(items, matrix, strict=True):
        if not np.isfinite(row).all():
            raise _error(user_id, item, "the vector has NaN or infinite numbers as float16")
    return matrix


def _parse_hash(user_id: str, item: PersonaItem) -> bytes:
    try:
        digest = bytes.fromhex(item.content_hash)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise _error(
            user_id,
            item,
            f"content_hash is {item.content_hash!r}, expected a sha256 of 64 hexadecimal digits",
        )
    return digest


def _error(user_id: str, item: PersonaItem, problem: str) -> ValueError:
    return ValueError(f"user {user_id!r}, item {item.item_id!r}: {problem}")


def _to_microseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return (time - EPOCH) // timedelta(microseconds=1)


def _from_microseconds(time_us: int | None) -> datetime | None:
    return None if time_us is None else EPOCH + timedelta(microseconds=time_us)
