"""What is read of rows without their keys."""

import numpy as np
import pytest

from components.inversion.sealed_rows import read_as_vectors, seal_rows
from components.personas.sealing import NONCE_BYTES, TIME

WIDTH = 384


def make_vectors(num_rows):
    vectors = np.random.default_rng(0).normal(size=(num_rows, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_a_row_that_was_not_sealed_would_be_read():
    """Else that nothing is recovered would say nothing of the sealing."""
    vectors = make_vectors(3)
    rows = [bytes(NONCE_BYTES) + TIME.pack(7) + row.tobytes() + b"an id" for row in vectors]
    np.testing.assert_allclose(read_as_vectors(rows, WIDTH), vectors, atol=1e-3)


def test_a_sealed_row_is_as_far_from_its_vector_as_any():
    vectors = make_vectors(100)
    rows = seal_rows(vectors, [f"text {n}" for n in range(100)], "enc")
    read = read_as_vectors(rows, WIDTH)
    assert np.isfinite(read).all()
    assert np.linalg.norm(read, axis=1) == pytest.approx(np.ones(100))
    # Cosines with a random direction have a standard deviation of 1 / sqrt(384) = .051.
    assert np.abs((read * vectors).sum(axis=1)).max() < 0.35
    assert abs((read * vectors).sum(axis=1).mean()) < 0.03


def test_equal_rows_are_sealed_differently():
    vectors = make_vectors(1)[[0, 0]]
    first, second = seal_rows(vectors, ["a", "a"], "enc")
    assert first[NONCE_BYTES:] != second[NONCE_BYTES:]
    assert len(first) == len(second) >= NONCE_BYTES + TIME.size + 2 * WIDTH + 16


def test_what_is_no_number_counts_as_zero():
    numbers = np.array([3, np.nan, np.inf, 4], dtype=np.float16)
    row = bytes(NONCE_BYTES) + TIME.pack(0) + numbers.tobytes()
    np.testing.assert_allclose(read_as_vectors([row], 4), [[0.6, 0, 0, 0.8]])
