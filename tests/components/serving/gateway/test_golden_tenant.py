"""Invented users, as whom a deployment asks: a tenant of their own, whose store makes itself."""

import pytest

from components.serving.gateway.settings import admit_golden
from tests.components.serving.gateway.conftest import ACME, ITEMS, make_settings

GOLDEN = "key of the deployment"
KEPT = {"store": {"create": False}}


@pytest.fixture
def filled(open_gateway):
    """The files of a store that knows nothing of invented users yet."""
    with open_gateway() as gateway:
        gateway.add("anna", ITEMS)


@pytest.mark.usefixtures("filled")
def test_their_store_is_made_beside_those_that_are_there(open_gateway):
    with open_gateway(golden_key=GOLDEN, **KEPT) as gateway:
        assert gateway.add("golden-1", ITEMS[:2], GOLDEN).status_code == 201
        assert gateway.ask("a book", GOLDEN, user="golden-1").json()["persona_status"] == "partial"
        assert gateway.history("golden-1").json() == {"items": []}  # acme's
        assert gateway.history("anna", GOLDEN).json() == {"items": []}
        assert len(gateway.history("anna", ACME).json()["items"]) == len(ITEMS)
    with open_gateway(golden_key=GOLDEN, **KEPT) as gateway:
        assert len(gateway.history("golden-1", GOLDEN).json()["items"]) == 2


@pytest.mark.usefixtures("filled")
def test_without_the_key_nobody_is_let_in(open_gateway):
    with open_gateway(**KEPT) as gateway:
        assert gateway.history("golden-1", GOLDEN).status_code == 401


def test_a_store_that_is_not_there_is_refused_all_the_same(open_gateway):
    with pytest.raises(ValueError, match=r"user hashes|persona store"):  # noqa: SIM117
        with open_gateway(golden_key=GOLDEN, **KEPT):
            pass


def test_a_tenant_of_that_name_is_refused():
    settings = make_settings(tenants=["acme", "globex", "golden"])
    with pytest.raises(ValueError, match="'golden' is the deployment's"):
        admit_golden(settings, GOLDEN)
    assert admit_golden(settings, None) is settings
