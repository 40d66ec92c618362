"""A PostgreSQL server of the tests' own, custody, and a store on each kind of database."""

from itertools import count

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from benchmarks.postgres_server import find_binaries, run_postgres
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.store import PersonaStore

NUM_SHARDS = 3
DATABASE_NUMBERS = count()


@pytest.fixture(scope="session")
def postgres():
    """The address of a database on a server that listens on a socket of its own only."""
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    with run_postgres(binaries) as address:
        yield make_url(address)


@pytest.fixture
def make_postgres(postgres):
    """Make a new database, and return its address."""

    def make():
        name = f"store_{next(DATABASE_NUMBERS)}"
        engine = create_engine(postgres, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return postgres.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def new_postgres(make_postgres):
    """The address of a new database."""
    return make_postgres()


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

    def open_(fingerprint="minilm-1", dim=2, create=True, **given):
        config = PersonaStoreConfig(**{"num_shards": NUM_SHARDS, **given})
        store = PersonaStore.open(place, custody, fingerprint, dim, config, create=create)
        opened.append(store)
        return store

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    return open_store()
