"""The store can't be read: an answer without persona, or a refusal, as the operator wants."""

import sqlite3
from threading import Event

import pytest
from sqlalchemy.exc import OperationalError

from components.serving.gateway.gateway import name_cause
from tests.components.serving.gateway.conftest import ITEMS, make_token

TEXT = "a tale of time travel"


@pytest.fixture
def filled(open_gateway):
    """The files of a store that has a user with items."""
    with open_gateway() as gateway:
        gateway.add("anna", ITEMS)
        return gateway.root / "state" / "personas"


def break_store(files):
    """Take the shards away; returns what puts them back."""
    aside = files.with_name("aside")
    aside.mkdir()
    moved = [path.rename(aside / path.name) for path in files.glob("shard-*")]

    def repair():
        for path in moved:
            path.rename(files / path.name)

    return repair


def test_the_log_says_what_is_wrong_with_the_store(open_gateway, filled, caplog):
    with open_gateway(store={"down": "answer_without_persona"}) as gateway:
        repair = break_store(filled)
        gateway.ask(TEXT, user="anna")
        assert "does not answer: ValueError at databases.py:" in caplog.text
        repair()
        assert "anna" not in caplog.text


def test_a_databases_code_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"no database" * 1000)
    connection = sqlite3.connect(tmp_path / "file")
    with pytest.raises(sqlite3.DatabaseError) as caught:
        connection.execute("SELECT 1 FROM sqlite_master")
    connection.close()
    assert name_cause(caught.value).startswith("DatabaseError SQLITE_NOTADB at test_store_down.py:")
    wrapped = OperationalError("SELECT text", None, OSError(28, "of anna"))
    assert name_cause(wrapped) == "OSError ENOSPC"


def test_a_store_that_says_nothing_is_down(open_gateway, filled):
    with open_gateway(store={"timeout_seconds": 0.2}) as gateway:
        ends = Event()
        gateway.client.app.state.gateway.stores._stores["acme"].get = lambda _: ends.wait(60)
        answer = gateway.ask(TEXT, user="anna")
        ready = gateway.client.get("/readyz")
        ends.set()
        assert (answer.status_code, answer.json()["persona_status"]) == (200, "none")
        assert ready.json()["store"] == "down"


def test_a_database_that_is_not_there_is_named_at_start(open_gateway):
    pytest.importorskip("psycopg")
    place = "postgresql+psycopg://anna:word@127.0.0.1:1/none"
    opening = open_gateway(store={"place": place, "create": True})
    with pytest.raises(ValueError, match="the persona store can't be reached: ") as caught, opening:
        pass
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("down", ["answer_without_persona", "refuse"])
def test_while_the_store_is_down(open_gateway, filled, down):
    with open_gateway(store={"down": down}) as gateway:
        repair = break_store(filled)
        ready = gateway.client.get("/readyz")
        answers = [gateway.ask(TEXT, user="anna"), gateway.ask(TEXT, make_token("anna"))]
        if down == "refuse":
            assert ready.status_code == 503
            assert [answer.status_code for answer in answers] == [503] * 2
            assert answers[0].headers["retry-after"] == "5"
        else:
            assert ready.status_code == 200
            assert [answer.json()["persona_status"] for answer in answers] == ["none"] * 2
            assert gateway.engine.answered[-1].vectors is None
        assert ready.json()["store"] == "down"
        refused = [
            gateway.ask(TEXT, user="anna", persona="on"),
            gateway.history("anna"),
            gateway.add("anna", ITEMS[:1]),
        ]
        assert [answer.status_code for answer in refused] == [503] * 3
        assert {answer.json()["error"]["code"] for answer in refused} == {"store_down"}
        assert gateway.ask(TEXT).json()["persona_status"] == "none"  # needs no store
        assert gateway.ask(TEXT, user="anna", persona="off").status_code == 200
        metrics = gateway.client.get("/metrics").text
        assert 'persona_plug_errors_total{where="store"}' in metrics
        repair()
        assert gateway.ask(TEXT, user="anna").json()["persona_status"] == "full"
        assert gateway.client.get("/readyz").json()["store"] == "ok"


def test_a_missing_store_is_refused_at_start(open_gateway, filled):
    filled.rename(filled.with_name("elsewhere"))
    with pytest.raises(ValueError, match="there is no"), open_gateway(store={}):
        pass


def test_a_store_of_another_fingerprint_is_refused_at_start(open_gateway, filled, monkeypatch):
    from tests.components.serving.gateway import conftest

    class Other(conftest.PlainEngine):
        def __init__(self, *given):
            super().__init__(*given)
            self.fingerprint = "another encoder"

    monkeypatch.setattr(conftest, "PlainEngine", Other)
    with pytest.raises(ValueError, match="another encoder"), open_gateway(store={}):
        pass
