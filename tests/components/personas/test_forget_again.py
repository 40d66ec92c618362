"""A backup that is older than an erasure, restored: store and keys, on either database."""

import shutil
from contextlib import closing

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from components.personas.custody import KEYS_VARIABLE, open_custody
from components.personas.export_receipts import main as export_receipts
from components.personas.forget_again import main
from components.personas.store import PersonaStore
from components.validation.tombstones import read_tombstones
from tests.components.personas.items import make_item

KEY = b"of the tests"


class Files:
    """Store and custody as folders."""

    def __init__(self, folder):
        self.store, self._folder = str(folder / "store"), folder

    def back_up(self):
        for name in ("store", "custody"):
            shutil.copytree(self._folder / name, self._folder / f"backup-{name}")

    def restore(self):
        for name in ("store", "custody"):
            shutil.rmtree(self._folder / name)
            shutil.copytree(self._folder / f"backup-{name}", self._folder / name)


class Databases:
    """Store and keys as databases of one server; a backup is a copy of them."""

    def __init__(self, store, keys):
        self.store, self._addresses = store, (store, keys)

    def back_up(self):
        self._copy("", "_backup")

    def restore(self):
        self._copy("_backup", "")

    def _copy(self, source, target):
        for address in map(make_url, self._addresses):
            server = create_engine(
                address.set(database="postgres"),
                isolation_level="AUTOCOMMIT",
                poolclass=NullPool,
            )
            names = f"{address.database}{target}", f"{address.database}{source}"
            with server.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {names[0]} WITH (FORCE)")
                connection.exec_driver_sql(f"CREATE DATABASE {names[0]} TEMPLATE {names[1]}")


@pytest.fixture(params=["files", "databases"])
def backup(request, tmp_path, monkeypatch):
    monkeypatch.setenv("PERSONA_PLUG_USER_HASH_KEY", KEY.decode())
    if request.param == "files":
        return Files(tmp_path)
    make_postgres = request.getfixturevalue("make_postgres")
    store, keys = make_postgres(), make_postgres()
    monkeypatch.setenv(KEYS_VARIABLE, keys)
    return Databases(store, keys)


def test_who_was_erased_since_the_backup_is_erased_again(backup, tmp_path, capsys):
    def look(use):
        with (
            closing(open_custody(tmp_path / "custody", KEY)) as custody,
            PersonaStore.open(backup.store, custody, "minilm-1", 2) as store,
        ):
            return use(store)

    def count_items():
        return look(lambda store: {name: len(store.get_items(name)) for name in "abcd"})

    look(lambda store: [store.append(name, [make_item("1")]) for name in "abcd"])
    look(lambda store: store.forget("a"))
    backup.back_up()
    look(lambda store: [store.forget("b"), store.forget("c"), store.readmit("c")])
    export = ["--custody", str(tmp_path / "custody"), "--output", str(tmp_path / "audit")]
    export_receipts(export)

    backup.restore()
    assert count_items() == {"a": 0, "b": 1, "c": 1, "d": 1}  # b is back
    with pytest.raises(SystemExit, match="the custody doesn't have any more"):
        export_receipts(export)

    arguments = [str(tmp_path / "audit" / "receipts.jsonl"), "--store", backup.store]
    arguments += ["--custody", str(tmp_path / "custody"), "--user-hash-key", "none"]
    main([*arguments, "--tombstones", str(tmp_path / "tombstones.parquet")])
    assert capsys.readouterr().out.endswith("1 users were there again, and are erased\n")
    assert count_items() == {"a": 0, "b": 0, "c": 1, "d": 1}
    with pytest.raises(ValueError, match="'b' was erased"):
        look(lambda store: store.append("b", [make_item("2")]))
    assert len(read_tombstones(tmp_path / "tombstones.parquet", KEY)) == 2
