"""The store after filling: every user's own vectors, and nobody else's."""

import numpy as np
import pytest

from components.personas.custody import open_custody
from components.personas.fill import fill_store
from components.personas.persona import hash_text
from components.personas.store import PersonaStore


@pytest.fixture(scope="module")
def custody(tmp_path_factory):
    return open_custody(tmp_path_factory.mktemp("custody"), b"of the tests")


@pytest.fixture(scope="module")
def filled(artifacts, custody, tmp_path_factory):
    directory = tmp_path_factory.mktemp("store")
    return fill_store(artifacts.histories, artifacts.vectors, custody, directory)


@pytest.fixture
def store(filled, custody, artifacts):
    width = artifacts.vectors.open().shape[1]
    fingerprint = artifacts.vectors.fingerprint
    with PersonaStore.open(filled.store_path, custody, fingerprint, width, create=False) as store:
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


def test_the_store_holds_nothing_of_a_user_in_the_clear(filled, artifacts):
    stored = b"".join(path.read_bytes() for path in filled.files())
    items, matrix = artifacts.histories.items[:10], artifacts.vectors.open()
    for name in ("user_id", "item_id", "text", "output"):
        assert not any(value.encode() in stored for value in items[name] if len(value) > 5)
    assert not any(matrix[row].tobytes() in stored for row in range(10))
    digests = [hash_text(text) for text in items["text"]]
    assert not any(d.encode() in stored or bytes.fromhex(d) in stored for d in digests)


def test_an_erased_user_is_not_filled_in_again(store, custody, artifacts, tmp_path, caplog):
    user = artifacts.histories.items["user_id"][0]
    num_users = store.stat().users
    store.forget(user)
    refilled = fill_store(artifacts.histories, artifacts.vectors, custody, tmp_path)
    fingerprint, width = artifacts.vectors.fingerprint, artifacts.vectors.open().shape[1]
    with PersonaStore.open(refilled.store_path, custody, fingerprint, width) as again:
        assert len(again.get(user)) == 0
        assert again.stat().users == num_users - 1
    assert "1 users were erased before" in caplog.text
