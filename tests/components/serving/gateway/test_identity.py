"""Who may ask, and that tenants and users see nothing of each other."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from components.serving.gateway.errors import ApiError
from components.serving.gateway.identity import Authenticator, Caller
from components.serving.gateway.settings import TokenSettings
from tests.components.serving.gateway.conftest import (
    ACME,
    GLOBEX,
    ITEMS,
    SECRET,
    bearer,
    make_token,
)

TENANTS = ("acme", "globex")
TEXT = "a tale of time travel"


def test_a_user_is_known_by_her_token(gateway):
    token = make_token("anna")
    assert gateway.ask(TEXT, token).json()["persona_status"] == "prior"
    assert gateway.add("anna", ITEMS, token).status_code == 201
    assert gateway.ask(TEXT, token).json()["persona_status"] == "full"
    assert gateway.ask(TEXT, token, user="anna").json()["persona_status"] == "full"


def test_a_user_can_not_be_another(gateway):
    gateway.add("berta", ITEMS)
    token = make_token("anna")
    for name in ("berta", "unknown"):
        refused = [
            gateway.ask(TEXT, token, user=name),
            gateway.history(name, token),
            gateway.add(name, ITEMS[:1], token),
            gateway.client.delete(f"/v1/users/{name}", headers=bearer(token)),
        ]
        assert [answer.status_code for answer in refused] == [403] * 4
        assert {answer.json()["error"]["code"] for answer in refused} == {"other_user"}
    assert len(gateway.history("berta").json()["items"]) == 5
    answer = gateway.ask(TEXT, user="berta").json()
    feedback = {"completion_id": answer["id"], "outcome": "sci-fi"}
    tried = gateway.client.post("/v1/feedback", json=feedback, headers=bearer(token))
    assert tried.status_code == 404


def test_tenants_do_not_see_each_other(gateway):
    gateway.add("anna", ITEMS)
    answer = gateway.ask(TEXT, user="anna").json()
    assert answer["persona_status"] == "full"
    strangers = [(GLOBEX, "anna"), (make_token("anna", "globex"), None)]
    for key, user in strangers:
        theirs = gateway.ask(TEXT, key, user=user, explain=True).json()
        assert theirs["persona_status"] == "prior"
        assert theirs["explanation"]["items"] == []
        assert gateway.history("anna", key).json() == {"items": []}
        feedback = {"completion_id": answer["id"], "outcome": "sci-fi"}
        tried = gateway.client.post("/v1/feedback", json=feedback, headers=bearer(key))
        assert tried.status_code == 404
        receipt = gateway.client.delete("/v1/users/anna", headers=bearer(key)).json()
        assert (receipt["tenant"], receipt["deletions"]) == ("globex", [])
    assert len(gateway.history("anna").json()["items"]) == 5
    assert gateway.ask(TEXT, user="anna").json()["persona_status"] == "full"


STRANGERS = [
    None,
    "",
    ACME,
    f"Basic {ACME}",
    "Bearer",
    "Bearer ",
    f"Bearer {ACME}x",
    "Bearer " + make_token("anna", secret=SECRET[::-1]),
    "Bearer " + make_token("anna", "initech"),
    "Bearer " + make_token("anna", exp=int(time()) - 60),
    "Bearer " + make_token("anna", nbf=int(time()) + 600),
    "Bearer " + make_token(" "),
    "Bearer " + make_token("a\0"),
    "Bearer " + make_token("\ud800"),
    "Bearer " + jwt.encode({"sub": "anna", "tenant": "acme"}, SECRET, "HS256"),
    "Bearer " + jwt.encode({"tenant": "acme", "exp": 2**33}, SECRET, "HS256"),
    "Bearer " + jwt.encode({"sub": "anna", "tenant": "acme", "exp": 2**33}, None, "none"),
    "Bearer " + jwt.encode({"sub": "anna", "tenant": "acme", "exp": 2**33}, SECRET * 2, "HS512"),
    "Bearer a.b.c",
    "Bearer " + "a" * 9000,
]


def test_others_are_refused(gateway):
    assert gateway.client.get("/v1/models", headers=bearer(ACME)).status_code == 200
    for header in STRANGERS:
        headers = {} if header is None else {"Authorization": header}
        asked = gateway.client.get("/v1/models", headers=headers)
        assert asked.status_code == 401, header
        assert asked.json()["error"]["type"] == "authentication_error"
        assert asked.headers["www-authenticate"] == "Bearer"


def test_issuer_and_audience_are_checked(open_gateway):
    with open_gateway(tokens={"issuer": "us", "audience": "gateway"}) as gateway:
        for claims, status in (
            ({"iss": "us", "aud": "gateway"}, 200),
            ({"iss": "them", "aud": "gateway"}, 401),
            ({"iss": "us", "aud": "other"}, 401),
            ({}, 401),
        ):
            assert gateway.ask(TEXT, make_token("anna", **claims)).status_code == status


def test_a_short_secret_is_refused_at_start():
    for secret in (None, "", "short"):
        with pytest.raises(ValueError, match="must hold at least 32 bytes"):
            Authenticator(TENANTS, (), TokenSettings(), secret)


@pytest.fixture
def provider():
    """Serves one public key; gives its address and the private key."""
    private = generate_private_key(65537, 2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    body = jwt.utils.force_bytes(f'{{"keys": [{public | {"kid": "one"}}]}}'.replace("'", '"'))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys", private
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.anyio
async def test_a_providers_keys_are_fetched(provider):
    url, private = provider
    reader = Authenticator(TENANTS, (), TokenSettings(jwks_url=url), None)
    claims = {"sub": "anna", "tenant": "acme", "exp": int(time()) + 60}

    def sign(key, kid, algorithm="RS256"):
        return f"Bearer {jwt.encode(claims, key, algorithm, headers={'kid': kid})}"

    assert await reader.identify(sign(private, "one")) == Caller("acme", "anna", is_service=False)
    stranger = generate_private_key(65537, 2048)
    for token in (sign(stranger, "one"), sign(private, "two"), sign(SECRET, "one", "HS256")):
        with pytest.raises(ApiError) as caught:
            await reader.identify(token)
        assert caught.value.status == 401


@pytest.mark.anyio
async def test_a_provider_that_is_down_is_no_ones_fault():
    reader = Authenticator(TENANTS, (), TokenSettings(jwks_url="http://127.0.0.1:9/"), None)
    with pytest.raises(ApiError) as caught:
        await reader.identify(f"Bearer {make_token('anna')}")
    assert (caught.value.status, caught.value.code) == (503, "keys_unreachable")
