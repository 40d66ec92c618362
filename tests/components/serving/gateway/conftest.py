"""A gateway over the tiny world's model and SQLite personas of two tenants."""

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import sleep, time

import jwt
import pytest
import uvicorn
from openai import OpenAI
from starlette.testclient import TestClient

from components.serving.gateway.app import build_app
from components.serving.gateway.settings import (
    JWT_SECRET_VARIABLE,
    GatewaySettings,
    admit_golden,
)
from components.serving.gateway.tenant_stores import TenantStores
from components.serving.persona_model import PersonaModel, ServingRecipe
from tests.components.serving.gateway.plain_engine import PlainEngine
from tests.components.tiny_world import LLM, TASK

SECRET = "a secret of the tests, long enough for HS256"
ACME, GLOBEX = "key of acme's service", "key of globex's service"
WORDS = [
    ("a tale of time travel", "sci-fi"),
    ("based on a book", "classic"),
    ("action and violence", "action"),
    ("a romance", "romance"),
    ("a comedy", "comedy"),
]
ITEMS = [{"text": text, "label": label} for text, label in WORDS]


@pytest.fixture(scope="session")
def persona_model(loud, artifacts):
    plug_in = loud.arm("persona")
    spec = ServingRecipe(task=TASK, llm=LLM).specify(plug_in, artifacts.llm)
    return PersonaModel(spec, plug_in, artifacts.llm)


def make_settings(**changes):
    keys = [
        {"name": tenant, "tenant": tenant, "sha256": hashlib.sha256(key.encode()).hexdigest()}
        for tenant, key in (("acme", ACME), ("globex", GLOBEX))
    ]
    given = {
        "tenants": ["acme", "globex"],
        "service_keys": keys,
        "tokens": {},
        "store": {"create": True, "num_shards": 2},
        "full_from_items": 4,
        "limits": {"requests": "1000/second"},
    }
    return GatewaySettings.model_validate(given | changes)


def make_token(user, tenant="acme", secret=SECRET, **claims):
    given = {"sub": user, "tenant": tenant, "exp": int(time()) + 60}
    return jwt.encode(given | claims, secret, algorithm="HS256")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@dataclass
class Running:
    """A gateway that can be asked."""

    engine: PlainEngine
    client: TestClient
    root: Path

    def ask(self, text, key=ACME, **given):
        body = {"model": self.engine.model_name, "messages": [{"role": "user", "content": text}]}
        return self.client.post("/v1/chat/completions", json=body | given, headers=bearer(key))

    def add(self, user, items, key=ACME):
        body = {"items": items}
        return self.client.post(f"/v1/users/{user}/history", json=body, headers=bearer(key))

    def history(self, user, key=ACME):
        return self.client.get(f"/v1/users/{user}/history", headers=bearer(key))


@pytest.fixture
def open_gateway(persona_model, tmp_path, monkeypatch):
    """Open a gateway with settings that a test changes; files stay where they are."""
    monkeypatch.setenv(JWT_SECRET_VARIABLE, SECRET)

    @contextmanager
    def open_(delay_seconds=0.0, golden_key=None, **changes):
        settings = admit_golden(make_settings(**changes), golden_key)
        engine = PlainEngine(persona_model, delay_seconds)
        stores = TenantStores.open(
            settings.store, settings.tenants, engine.fingerprint, engine.dim, tmp_path
        )
        app = build_app(engine, stores, settings)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Running(engine, client, tmp_path)

    return open_


@pytest.fixture
def gateway(open_gateway):
    with open_gateway() as running:
        yield running


@contextmanager
def run_server(app):
    """Run an application behind a real socket; gives its address."""
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def served(gateway):
    """The same gateway's address, for clients that want a socket."""
    with run_server(gateway.client.app) as address:
        yield address


@pytest.fixture
def openai(served):
    with OpenAI(base_url=f"{served}/v1", api_key=ACME, max_retries=0) as client:
        yield client
