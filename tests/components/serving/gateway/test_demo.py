"""The page for people, in a real browser and by keys only."""

import os
import re
from pathlib import Path
from shutil import which
from urllib.parse import urlencode

import pytest

from components.serving.gateway.demo import PAGE
from tests.components.serving.gateway.browser import open_page
from tests.components.serving.gateway.conftest import ACME, ITEMS, make_token, run_server

PICTURES = os.environ.get("PERSONA_PLUG_PICTURES")
"""A folder for screenshots, for who wants to look at them."""
BROWSER = which("chromium") or which("google-chrome")
TEXT = "a tale of time travel"
needs_browser = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")


def take_picture(page, name, **size):
    if PICTURES:
        page.picture(Path(PICTURES) / f"{name}.png", **size)


def fill_in(page, key, user, text):
    """Fill the form in and send it, without a mouse."""
    for value in (key, user, text):
        page.press("Tab")
        page.write(value)
    page.press("Enter", ctrl=True)


def read(page, place):
    return page.look(f"document.getElementById('{place}').textContent")


@needs_browser
def test_answers_stand_side_by_side_with_what_weighed(open_gateway, tmp_path):
    with open_gateway(page="open") as gateway, run_server(gateway.client.app) as address:
        ids = gateway.add("anna", ITEMS).json()["ids"]
        expected = gateway.ask(TEXT, user="anna", explain=True).json()
        alone = gateway.ask(TEXT).json()
        with open_page(BROWSER, address, tmp_path / "browser") as page:
            take_picture(page, "empty")
            fill_in(page, ACME, "anna", TEXT)
            page.wait_for("document.getElementById('items').children.length")
            take_picture(page, "answered")
            take_picture(page, "narrow", width=390)
            assert read(page, "with") == expected["choices"][0]["message"]["content"]
            assert read(page, "with-note") == "A full persona."
            assert read(page, "without") == alone["choices"][0]["message"]["content"]
            assert read(page, "without-note") == "No persona: the LLM alone."
            rows = page.look("[...document.querySelectorAll('#items li')].map(li => li.innerText)")
            weights = {item["id"]: item["weight"] for item in expected["explanation"]["items"]}
            named = {
                f"{item['label']}: {item['text']}": weights[id_]
                for id_, item in zip(ids, ITEMS, strict=True)
            }
            by_weight = sorted(named.items(), key=lambda one: -one[1])
            assert [row.split("\n")[0] for row in rows[:-1]] == [name for name, _ in by_weight]
            assert rows[0].split("\n")[-1] == f"{100 * by_weight[0][1]:.1f} %"
            assert rows[-1].startswith("Users in general")
            widths = page.look("[...document.querySelectorAll('.bar')].map(b => b.offsetWidth)")
            assert widths[:-1] == sorted(widths[:-1], reverse=True)
            assert page.look("document.activeElement.id") == "text"
            told = read(page, "likelihood")  # of the engine of these tests: e^1.5
            assert told == f"“{read(page, 'with')}” is 4.5 times as likely as without the persona."


@needs_browser
def test_an_address_fills_the_form_in_and_forgets_the_key(open_gateway, tmp_path):
    with open_gateway(page="open") as gateway, run_server(gateway.client.app) as address:
        gateway.add("anna", ITEMS)
        given = urlencode([("key", ACME), ("user", "anna"), ("user", "berta"), ("text", TEXT)])
        with open_page(BROWSER, f"{address}#{given}", tmp_path / "browser") as page:
            page.wait_for("document.getElementById('text').value")
            users = "[...document.querySelectorAll('#users option')].map(one => one.value)"
            assert page.look(users) == ["anna", "berta"]
            assert ACME not in page.look("location.href")
            page.look("document.getElementById('go').focus()")
            page.press("Enter")
            page.wait_for("document.getElementById('items').children.length")
            assert read(page, "with-note") == "A full persona."


@needs_browser
def test_a_user_sees_herself_and_errors_are_told(open_gateway, tmp_path):
    with open_gateway(page="open") as gateway, run_server(gateway.client.app) as address:
        with open_page(BROWSER, address, tmp_path / "browser") as page:
            fill_in(page, "unknown", "", TEXT)
            problem = "document.getElementById('problem').textContent"
            assert page.wait_for(problem) == "the token is not valid, or no longer"
            take_picture(page, "problem")
        with open_page(BROWSER, address, tmp_path / "other") as page:
            fill_in(page, make_token("anna"), "", TEXT)
            page.wait_for("document.getElementById('items').children.length")
            note = "No items yet: what holds for users in general."
            assert read(page, "with-note") == note
            assert page.look(problem) == ""


def test_the_page_is_for_a_services_key(open_gateway):
    with open_gateway(page="service_key") as gateway:
        assert gateway.client.get("/").status_code == 401
        refused = gateway.client.get("/", auth=("", "unknown"))
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        token = gateway.client.get("/", auth=("", make_token("anna")))
        assert token.status_code == 401
        given = gateway.client.get("/", auth=("", ACME))
        assert given.status_code == 200
        assert given.text == PAGE.read_text("utf-8")
    with open_gateway() as gateway:
        assert gateway.client.get("/", auth=("", ACME)).status_code == 404


def test_the_page_asks_nobody_else(open_gateway):
    assert re.findall(r"https?://|//[a-z]|@import|src=|href=", PAGE.read_text("utf-8")) == []
    with open_gateway(page="open") as gateway:
        policy = gateway.client.get("/").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
