"""A PostgreSQL server of the tests' own, custody, and a store on each kind of database."""

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import pytest

from components.personas.custody import open_custody
from components.personas.store import PersonaStore

NUM_SHARDS = 3
DATABASE_NUMBERS = count()


def find_binaries():
    """Return where PostgreSQL's server programs lie, None if there are none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = installed[-1] if installed else shutil.which("pg_ctl")
    return Path(found).resolve().parent if found else None


@pytest.fixture(scope="session")
def postgres():
    """The folder of the socket of a server that listens nowhere else."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="persona-plug-postgres-"))
    user = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
        user = {"user": "nobody"}

    def call(*command):
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    data, options = folder / "data", f"-F -k {folder} -c listen_addresses="
    call(binaries / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync")
    call(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
    yield folder
    call(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def new_postgres(postgres):
    """The address of a new database."""
    psycopg = pytest.importorskip("psycopg")
    name = f"store_{next(DATABASE_NUMBERS)}"
    with psycopg.connect(
        host=str(postgres), user="tests", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://tests@/{name}?host={postgres}"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """Where a store may be made: a directory, or a new PostgreSQL database."""
    if request.param == "postgres":
        return request.getfixturevalue("new_postgres")
    return tmp_path / "store"


@pytest.fixture
def custody(tmp_path):
    custody = open_custody(tmp_path / "custody", b"of the tests")
    yield custody
    custody.keys.close()


@pytest.fixture
def open_store(place, custody):
    """Open the test's store, with vectors of two numbers unless told otherwise."""
    opened = []

    def open_(fingerprint="minilm-1", dim=2, tenant="default", **given):
        given = {"num_shards": NUM_SHARDS, **given}
        store = PersonaStore.open(place, custody, fingerprint, dim, tenant, **given)
        opened.append(store)
        return store

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    return open_store()
