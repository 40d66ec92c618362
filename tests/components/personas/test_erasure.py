"""What is left of an erased user: in copies, in files, in later batches."""

import json
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.keys import KEYS
from components.personas.store import PersonaStore
from components.user_hash import hash_user
from tests.components.personas.items import make_item, publish, scan_all, write

ROOT = Path(__file__).parents[3]
ONE_SHARD = PersonaStoreConfig(num_shards=1)
SEED_OF_REMAINS = 2
"""Without VACUUM copies of rows stay in unused parts of pages, despite secure_delete."""


def read_files(*folders):
    """Return the bytes of all files."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return b"".join(file.read_bytes() for file in files)


def list_secrets(store, custody, user_ids):
    """Return the sealed rows of some users, and their keys, wrapped and not."""
    from sqlalchemy import select

    from components.personas.engines import Query
    from components.personas.tables import ITEMS

    hashes = {store._namespace.hashes.user(user_id) for user_id in user_ids}
    query = Query(select(ITEMS.c.user_hash, ITEMS.c.persona, ITEMS.c.contents))
    shards = range(store.num_shards)
    rows = [row for shard in shards for row in store._namespace.database.fetch(shard, query, {})]
    secrets = [part for user_hash, *parts in rows if user_hash in hashes for part in parts if part]
    for name in hashes:
        wrapped = Query(select(KEYS.c.wrapped).where(KEYS.c.name == name))
        secrets += custody.keys._engines.fetch(
            custody.keys._file_of(name), wrapped, {"name_1": name}
        )[0]
        secrets.append(custody.keys.find(name))
    return secrets


def test_forget_erases_every_generation_and_says_so(store, custody, place):
    publish(store, [("anna", [make_item("a"), make_item("b")]), ("bert", [make_item("a")])])
    publish(store, scan_all(store).items())
    store.append("anna", [make_item("c")])
    building, _ = write(store, scan_all(store).items())
    receipt = store.forget("anna")
    assert len(store.get("anna")) == 0
    assert len(store.get("bert")) == 1
    store.generations.publish(building)
    store.generations.roll_back()
    assert len(store.get("anna")) == 0
    shard = store._namespace.database.name_shard(store._namespace.shard_of("anna"))
    names = ["generation 2", "generation 3", "generation 4", "appended"]
    assert [(deletion.place, deletion.rows) for deletion in receipt.deletions] == [
        (f"{shard}, fingerprint minilm-1, {name}", rows)
        for name, rows in zip(names, (2, 2, 3, 1), strict=True)
    ]
    assert (receipt.action, receipt.tenant, receipt.number) == ("forget", "default", 1)
    assert receipt.user_hash == hash_user("anna", b"of the tests")
    assert receipt.key_destroyed
    assert receipt.files_wiped == isinstance(place, Path)  # PostgreSQL keeps a log of its own
    assert store.forget("anna").deletions == ()
    assert custody.receipts.read()[0] == receipt


def test_an_erased_user_comes_back_by_consent_only(store):
    store.append("anna", [make_item("a")])
    with pytest.raises(ValueError, match="user 'anna' was not erased"):
        store.readmit("anna")
    store.forget("anna")
    for add in (store.append, store.replace):
        with pytest.raises(ValueError, match="user 'anna' was erased, and has not been readmitted"):
            add("anna", [make_item("a")])
    both = [("anna", [make_item("a")]), ("bert", [make_item("b")])]
    assert publish(store, both)[1] == {"anna"}
    assert scan_all(store).keys() == {"bert"}
    assert store.readmit("anna").action == "readmit"
    assert publish(store, both)[1] == frozenset()
    assert store.get("anna").item_ids == ("a",)


def test_who_was_never_stored_can_be_erased_beforehand(store):
    assert store.forget("anna").deletions == ()
    with pytest.raises(ValueError, match="was erased"):
        store.append("anna", [make_item("a")])


def test_another_store_of_the_same_custody_refuses_too(store, custody, tmp_path):
    store.forget("anna")
    with PersonaStore.open(tmp_path / "later", custody, "minilm-2", 2) as later:
        assert publish(later, [("anna", [make_item("a")])])[1] == {"anna"}


def test_a_batch_beside_an_erasure_leaves_nothing(store, open_store):
    """Whichever is first: the batch's rows are deleted, or it is refused."""
    batch = open_store()
    generation = batch.generations.begin(batch.watermarks())
    stop = threading.Event()

    def write():
        while not stop.is_set():
            batch.write_base(generation, [("anna", [make_item("a")]), ("bert", [make_item("b")])])

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(10):
        store.forget("anna")
        rows = store._namespace.database
        assert not [
            user for user in list_users(rows) if user == store._namespace.hashes.user("anna")
        ]
        store.readmit("anna")
    stop.set()
    thread.join()


def list_users(database):
    from sqlalchemy import select

    from components.personas.engines import Query
    from components.personas.tables import ITEMS

    query = Query(select(ITEMS.c.user_hash))
    shards = range(database.num_shards)
    return [row[0] for shard in shards for row in database.fetch(shard, query, {})]


def test_a_killed_erasure_shows_nothing_and_is_finished_by_the_next(store, custody):
    store.append("anna", [make_item("a")])
    custody.keys.destroy(store._namespace.hashes.user("anna"))  # and no further
    assert len(store.get("anna")) == 0
    assert scan_all(store) == {}
    assert [deletion.rows for deletion in store.forget("anna").deletions] == [1]


def test_rows_that_were_changed_or_moved_are_an_error(store, open_store):
    from sqlalchemy import select, update

    from components.personas.tables import ITEMS

    store.append("anna", [make_item("a"), make_item("b")])
    shard = store._namespace.shard_of("anna")
    here = ITEMS.c.shard == shard
    with store._namespace.database.write(shard) as (connection, _):
        personas = connection.execute(select(ITEMS.c.persona).where(here)).scalars().all()
        second = (here, ITEMS.c.sequence == 2)
        connection.execute(update(ITEMS).where(*second).values(persona=personas[0]))
    with pytest.raises(ValueError, match=r"can't be opened: they were changed"):
        store.get("anna")


class TestCopies:
    """SQLite: a copy of all files, made before, can't be opened after."""

    def test_no_remaining_key_opens_a_copy(self, tmp_path):
        custody = open_custody(tmp_path / "custody", b"k")
        with PersonaStore.open(tmp_path / "store", custody, "minilm-1", 2) as store:
            publish(store, [("anna", [make_item("a")]), ("bert", [make_item("b")])])
            store.append("anna", [make_item("c")])
            copies = [tmp_path / name for name in ("control", "copy")]
            for copy in copies:
                shutil.copytree(tmp_path / "store", copy)  # with what is in the logs
            with PersonaStore.open(copies[0], custody, "minilm-1", 2, create=False) as control:
                assert control.get("anna").item_ids == ("a", "c")
            store.forget("anna")
        with PersonaStore.open(copies[1], custody, "minilm-1", 2, create=False) as copy:
            namespace = copy._namespace
            assert namespace.hashes.user("anna") in list_users(namespace.database)  # rows are there
            assert len(copy.get("anna")) == 0
            assert copy.get("bert").item_ids == ("b",)
            keys = all_keys(custody, namespace, ["anna", "bert"])
            assert opened_by(keys, namespace, "bert") == 1  # the other half of the control
            assert opened_by(keys, namespace, "anna") == 0

    def test_no_byte_stays_in_the_live_files(self, tmp_path):
        custody = open_custody(tmp_path / "custody", b"k")
        folders = tmp_path / "store", tmp_path / "custody"
        with PersonaStore.open(folders[0], custody, "minilm-1", 16, ONE_SHARD) as store:
            users = churn(store, random.Random(SEED_OF_REMAINS))
            for user_id in users[1:]:
                *stored, key = list_secrets(store, custody, [user_id])
                kept = read_files(*folders)
                assert all(secret in kept for secret in stored)
                assert key not in kept  # it is never stored as it is
                assert store.forget(user_id).files_wiped
                left = read_files(*folders)
                assert not any(secret in left for secret in stored)
            assert len(store.get(users[0])) > 0

    def test_a_reader_that_keeps_the_log_is_in_the_receipt(self, tmp_path, monkeypatch):
        monkeypatch.setattr("components.personas.sqlite_file.LOCK_TIMEOUT_SECONDS", 0.1)
        custody = open_custody(tmp_path / "custody", b"k")
        with PersonaStore.open(tmp_path / "store", custody, "minilm-1", 2) as store:
            store.append("anna", [make_item("a")])
            engines = store._namespace.database._engines
            shard = f"shard-{store._namespace.shard_of('anna'):04}"
            with engines.engine(shard).connect() as reader:
                reader.exec_driver_sql("BEGIN")
                reader.exec_driver_sql("SELECT count(*) FROM items").all()
                assert not store.forget("anna").files_wiped
                reader.exec_driver_sql("COMMIT")
            assert store.forget("anna").files_wiped


def all_keys(custody, namespace, user_ids):
    keys = [custody.keys.find(namespace.hashes.user(user_id)) for user_id in user_ids]
    return [key for key in keys if key is not None]


def opened_by(keys, namespace, user_id):
    """Count the keys that open a row of a user."""
    from cryptography.exceptions import InvalidTag

    from components.personas.reading import PERSONAS, Sealer
    from components.personas.tables import ALL_ITEMS

    user_hash = namespace.hashes.user(user_id)
    limits = {"namespace_id": namespace.namespace_id, "max_items": 1, "up_to": ALL_ITEMS}
    rows = namespace.database.fetch(
        namespace.shard_of(user_id), PERSONAS, {"user_hash": user_hash, **limits}
    )
    assert rows
    opened = 0
    for key in keys:
        try:
            Sealer(key, namespace.context_of(user_hash)).open_persona(rows, namespace.dim)
        except InvalidTag:
            continue
        opened += 1
    return opened


def churn(store, chance):
    """Append and replace at random, in rows of many lengths; return the users."""
    numbers = np.random.default_rng(0)
    users = [f"user{number}" for number in range(30)]
    for step in range(250):
        vectors = numbers.standard_normal((chance.choice([1, 1, 2, 8, 30]), 16))
        items = [
            make_item(f"{step}-{row}", vector, text="x" * chance.choice([0, 0, 100, 800]))
            for row, vector in enumerate(vectors)
        ]
        write = store.replace if chance.random() < 0.4 else store.append
        write(users[step] if step < len(users) else chance.choice(users), items)
    return users


def test_receipts_are_verified_by_a_script_that_knows_nothing_of_us(store, custody, tmp_path):
    store.append("anna", [make_item("a")])
    store.forget("anna")
    store.readmit("anna")
    store.forget("bert")
    path = custody.receipts.path
    script = shutil.copy(ROOT / "infra" / "verify_receipts.py", tmp_path)

    def verify():
        command = [sys.executable, "-I", script, path, path.with_suffix(".pub")]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = verify()
    assert (good.returncode, good.stdout[:10]) == (0, "3 receipts")
    lines = path.read_text().splitlines(keepends=True)
    forged = json.loads(lines[1])
    forged["tenant"] = "another"
    for wrong, problem in (
        ([lines[0], lines[2]], "line 2: the receipt before it is missing"),
        ([lines[1], lines[2]], "line 1: the receipt before it is missing"),
        ([lines[0], json.dumps(forged) + "\n", lines[2]], "line 2: the signature is not of"),
        ([lines[0], "x\n"], "line 2: is no receipt"),
    ):
        path.write_text("".join(wrong))
        found = verify()
        assert (found.returncode, problem in found.stderr) == (1, True), found.stderr
