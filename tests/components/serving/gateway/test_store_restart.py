"""A PostgreSQL server that is killed and started again under the gateway."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.postgres_server import find_binaries, open_postgres
from tests.components.serving.gateway.conftest import ITEMS

TEXT = "a tale of time travel"


@pytest.fixture
def postgres():
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    with open_postgres(binaries) as server:
        yield server


def test_a_store_that_is_killed_and_comes_back(open_gateway, postgres):
    store = {"place": postgres.address, "create": True, "num_shards": 2}

    def ask(_):
        answer = gateway.ask(TEXT, user="anna")
        return answer.status_code, answer.json()["persona_status"]

    with open_gateway(store=store) as gateway, ThreadPoolExecutor(8) as pool:
        gateway.add("anna", ITEMS)
        assert set(pool.map(ask, range(32))) == {(200, "full")}  # several connections are open
        postgres.kill()
        assert set(pool.map(ask, range(16))) == {(200, "none")}
        assert gateway.add("anna", [ITEMS[0]]).status_code == 503
        postgres.start()
        assert set(pool.map(ask, range(32))) == {(200, "full")}
        assert gateway.add("anna", [ITEMS[0]]).status_code == 201
        postgres.kill()
        postgres.start()  # while nobody asks
        assert set(pool.map(ask, range(32))) == {(200, "full")}
        assert len(gateway.history("anna").json()["items"]) == 6
        assert gateway.add("anna", [ITEMS[0]]).status_code == 201
