"""A PostgreSQL server that is killed and started again under the gateway."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import make_url

from benchmarks.postgres_server import UNPRIVILEGED, find_binaries, run_postgres
from tests.components.serving.gateway.conftest import ITEMS

TEXT = "a tale of time travel"


@pytest.fixture
def postgres():
    """The address of a database, what starts and stops its server, and options of its start."""
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    with run_postgres(binaries) as address:
        folder = Path(make_url(address).query["host"])
        user = {"user": UNPRIVILEGED} if os.geteuid() == 0 else {}

        def control(*command):
            whole = [binaries / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w"]
            subprocess.run(
                [*whole, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user
            )

        yield address, control, ("-o", f"-k {folder} -c listen_addresses= -F")


def test_a_store_that_is_killed_and_comes_back(open_gateway, postgres):
    address, control, listen = postgres
    store = {"place": address, "create": True, "num_shards": 2}

    def ask(_):
        answer = gateway.ask(TEXT, user="anna")
        return answer.status_code, answer.json()["persona_status"]

    with open_gateway(store=store) as gateway, ThreadPoolExecutor(8) as pool:
        gateway.add("anna", ITEMS)
        assert set(pool.map(ask, range(32))) == {(200, "full")}  # several connections are open
        control("-m", "immediate", "stop")
        assert set(pool.map(ask, range(16))) == {(200, "none")}
        assert gateway.add("anna", [ITEMS[0]]).status_code == 503
        control("start", *listen)
        assert set(pool.map(ask, range(32))) == {(200, "full")}
        assert gateway.add("anna", [ITEMS[0]]).status_code == 201
        control("-m", "immediate", "restart")  # while nobody asks
        assert set(pool.map(ask, range(32))) == {(200, "full")}
        assert len(gateway.history("anna").json()["items"]) == 6
        assert gateway.add("anna", [ITEMS[0]]).status_code == 201
