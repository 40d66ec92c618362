"""Rows that only the user's key opens: AES-GCM, bound to tenant, user, item, fingerprint and place.

A row has two sealed parts: `persona` is what serving reads (time, vector, item id), `contents`
the rest. Each begins with its nonce. Letters: n items of one user, E width of the history encoder.
"""

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from components.personas.identifiers import check_id
from components.personas.persona import PersonaItem, StoredPersona

DTYPE = np.dtype("<f2")
EPOCH = datetime(1970, 1, 1)
NO_TIME = -(2**63)  # numpy's "not a time", and before every time: such items count as oldest
NONCE_BYTES = 12
PLACE = struct.Struct(">qq")
TIME = struct.Struct("<q")


def make_context(tenant: str, fingerprint: str) -> bytes:
    """Return what all rows of a tenant under a fingerprint are bound to, 32 bytes."""
    return hashlib.sha256(json.dumps([tenant, fingerprint]).encode()).digest()


class Sealer:
    """Seals and opens one user's rows.

    Args:
        key: The user's data key, 32 bytes.
        context: Of `make_context`, and the user's hash.
    """

    def __init__(self, key: bytes, context: bytes) -> None:
        self._cipher = AESGCM(key)
        self._context = context

    def seal(
        self, user_id: str, item: PersonaItem, row: NDArray[np.float16], place: Sequence[Any]
    ) -> tuple[bytes, bytes]:
        """Return an item's two sealed parts, persona and contents.

        Args:
            user_id: Whose it is; sealed with the contents.
            item: A checked item.
            row: Its vector, float16 [E].
            place: Item hash, generation and sequence of the row.
        """
        bound = self._bind(*place)
        persona = TIME.pack(_to_microseconds(item.time)) + row.tobytes() + item.item_id.encode()
        rest = [user_id, item.content_hash, item.output, item.text, item.is_appended]
        contents = json.dumps(rest).encode()
        return self._seal(persona, bound + b"p"), self._seal(contents, bound + b"c")

    def open_persona(self, rows: Sequence[Sequence[Any]], dim: int) -> StoredPersona:
        """Return rows of (item hash, generation, sequence, persona), as they come.

        Raises:
            cryptography.exceptions.InvalidTag: If a row is not what was sealed here.
        """
        decrypt, context = self._cipher.decrypt, self._context
        places = [row[0] + PLACE.pack(row[1], row[2]) + b"p" for row in rows]
        opened = [
            decrypt(row[3][:NONCE_BYTES], row[3][NONCE_BYTES:], context + place)
            for row, place in zip(rows, places, strict=True)
        ]
        end = TIME.size + dim * DTYPE.itemsize
        stored = bytearray().join([plain[TIME.size : end] for plain in opened])  # writable
        times = np.frombuffer(b"".join([plain[: TIME.size] for plain in opened]), "<M8[us]")
        return StoredPersona(
            vectors=np.frombuffer(stored, DTYPE).reshape(len(opened), dim),
            item_ids=tuple([plain[end:].decode() for plain in opened]),
            times=tuple(times.tolist()),
        )

    @staticmethod
    def open_nothing(dim: int) -> StoredPersona:
        """Return the persona of a user without history."""
        return StoredPersona(np.empty((0, dim), DTYPE), (), ())

    def open_items(
        self, rows: Sequence[Sequence[Any]], dim: int
    ) -> tuple[str, tuple[PersonaItem, ...]]:
        """Return the user's id and items of rows that have their contents as fifth field.

        Raises:
            cryptography.exceptions.InvalidTag: If a row is not what was sealed here.
        """
        persona = self.open_persona(rows, dim)
        opened = [json.loads(self._open(row[4], self._bind(*row[:3]) + b"c")) for row in rows]
        items = zip(persona.item_ids, persona.vectors, persona.times, opened, strict=True)
        return opened[0][0], tuple(
            PersonaItem(item_id, vector, rest[0], time, *rest[1:])
            for item_id, vector, time, (_, *rest) in items
        )

    def _bind(self, item_hash: bytes, generation: int, sequence: int) -> bytes:
        return self._context + item_hash + PLACE.pack(generation, sequence)

    def _seal(self, plain: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound)

    def _open(self, sealed: bytes, bound: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)


def order_by_age(times: Sequence[datetime | None]) -> list[int]:
    """Return the rows oldest first, those without a time before all, else as they came."""
    return sorted(range(len(times)), key=[_to_microseconds(time) for time in times].__getitem__)


def to_matrix(user_id: str, items: Sequence[PersonaItem], dim: int) -> NDArray[np.float16]:
    """Return a user's vectors, float16 [n, E], after checking the items.

    Raises:
        ValueError: If a vector is not [dim] or not finite as float16, an id is blank or comes
            twice, or a content hash is no sha256.
    """
    matrix = np.empty((len(items), dim), DTYPE)
    seen: set[str] = set()
    with np.errstate(over="ignore"):  # beyond float16's range is infinite: found below
        for row, item in zip(matrix, items, strict=True):
            check_id(f"user {user_id!r}, item_id", item.item_id)
            if item.item_id in seen:
                raise _error(user_id, item, "comes twice")
            seen.add(item.item_id)
            _check_hash(user_id, item)
            vector = np.asarray(item.vector)
            if vector.shape != (dim,) or vector.dtype.kind != "f":
                raise _error(
                    user_id,
                    item,
                    f"the vector is {vector.dtype} of shape {vector.shape}, "
                    f"allowed is floating point of shape ({dim},)",
                )
            row[:] = vector
    for number in np.flatnonzero(~np.isfinite(matrix).all(axis=1)).tolist():
        raise _error(user_id, items[number], "the vector has NaN or infinite numbers as float16")
    return matrix


def _check_hash(user_id: str, item: PersonaItem) -> None:
    try:
        size = len(bytes.fromhex(item.content_hash))
    except ValueError:
        size = 0
    if size != hashlib.sha256().digest_size:
        raise _error(
            user_id,
            item,
            f"content_hash is {item.content_hash!r}, expected a sha256 of 64 hexadecimal digits",
        )


def _error(user_id: str, item: PersonaItem, problem: str) -> ValueError:
    return ValueError(f"user {user_id!r}, item {item.item_id!r}: {problem}")


def _to_microseconds(time: datetime | None) -> int:
    if time is None:
        return NO_TIME
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return (time - EPOCH) // timedelta(microseconds=1)
