"""What somebody without keys sees where a vector is stored: sealed bytes, taken for a vector.

Letters: N rows, E encoder width.
"""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.personas.persona import PersonaItem, hash_text
from components.personas.sealing import DTYPE, NONCE_BYTES, TIME, Sealer, make_context

KEY_BYTES = 32


def seal_rows(
    vectors_NE: NDArray[np.float16], texts: Sequence[str], fingerprint: str
) -> list[bytes]:
    """Seal rows as the persona store does, each with the key of a user of its own.

    Args:
        vectors_NE: The rows' vectors, float16 [N, E].
        texts: The rows' texts.
        fingerprint: Of the encoder.

    Returns:
        The sealed part of each row that holds the vector. Keys and nonces are new every time.
    """
    context, sealed = make_context("canaries", fingerprint), []
    for number, (row_E, text) in enumerate(zip(vectors_NE, texts, strict=True)):
        item = PersonaItem(f"canary-{number}", row_E, hash_text(text), text=text)
        place = (bytes.fromhex(item.content_hash), 1, number)
        sealer = Sealer(os.urandom(KEY_BYTES), context + number.to_bytes(KEY_BYTES, "big"))
        sealed.append(sealer.seal(f"user-{number}", item, row_E, place)[0])
    return sealed


def read_as_vectors(rows: Sequence[bytes], dim: int) -> NDArray[np.float64]:
    """Read float16 numbers where a row's vector would stand; returns [N, E] of length 1.

    What is no number counts as zero.
    """
    start = NONCE_BYTES + TIME.size
    read = [np.frombuffer(row, DTYPE, count=dim, offset=start) for row in rows]
    numbers_NE = np.nan_to_num(np.stack(read).astype(np.float64), posinf=0.0, neginf=0.0)
    unit_NE: NDArray[np.float64] = numbers_NE / np.linalg.norm(numbers_NE, axis=1, keepdims=True)
    return unit_NE
