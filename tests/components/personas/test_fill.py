"""The store after filling: every user's own vectors, and nobody else's."""

import numpy as np
import pytest

from components.personas.fill import fill_store
from components.personas.persona import hash_text
from components.personas.store import PersonaStore


@pytest.fixture(scope="module")
def filled(artifacts, tmp_path_factory):
    return fill_store(artifacts.histories, artifacts.vectors, tmp_path_factory.mktemp("store"))


@pytest.fixture
def store(filled, artifacts):
    width = artifacts.vectors.open().shape[1]
    fingerprint = artifacts.vectors.fingerprint
    with PersonaStore.open(filled.store_path, fingerprint, width, create=False) as store:
        yield store


def test_every_user_owns_their_items_vectors_in_their_order(store, artifacts):
    items, matrix = artifacts.histories.items[:], artifacts.vectors.open()
    users = np.asarray(items["user_id"])
    for user in np.unique(users):
        rows = np.flatnonzero(users == user)
        persona = store.get(str(user))
        np.testing.assert_array_equal(persona.vectors, matrix[rows])
        assert list(persona.item_ids) == [items["item_id"][row] for row in rows]
        assert list(persona.times) == [items["time"][row] for row in rows]
    stat = store.stat()
    assert (stat.users, stat.items) == (len(np.unique(users)), len(users))


def test_a_persona_is_what_a_question_after_it_reads(store, artifacts):
    questions, matrix = artifacts.histories.questions, artifacts.vectors.open()
    for question in questions.select(range(3)):
        persona = store.get(question["user_id"])
        np.testing.assert_array_equal(persona.vectors, matrix[question["history"]])


def test_the_store_holds_hashes_and_no_texts(filled, artifacts):
    files = filled.path.glob("personas.sqlite*")
    stored = b"".join(path.read_bytes() for path in files)
    texts = artifacts.histories.items["text"][:10]
    assert not any(text.encode() in stored for text in texts)
    digests = [hash_text(text) for text in texts]
    assert all(d.encode() in stored or bytes.fromhex(d) in stored for d in digests)
