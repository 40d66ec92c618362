"""The store can't be read: an answer without persona, or a refusal, as the operator wants."""

import pytest

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
