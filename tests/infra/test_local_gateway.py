"""`make serve`: a key and settings of this clone's own."""

from urllib.parse import parse_qs, urlsplit

import pytest

from components.serving.gateway.identity import Authenticator
from components.serving.gateway.settings import read_settings
from infra.local_gateway import prepare_access, write_address


def test_key_and_settings_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PERSONA_PLUG_STORE", str(tmp_path / "personas"))
    access = prepare_access(tmp_path / "gateway")
    settings = read_settings(access.settings)
    service = Authenticator(
        settings.tenants, settings.service_keys, settings.tokens, None
    ).find_service(access.key)
    assert service is not None
    assert (service.tenant, service.is_service) == ("default", True)
    assert settings.store.place == str(tmp_path / "personas")
    assert access.key not in access.settings.read_text()
    assert access.key_file.stat().st_mode & 0o077 == 0
    access.settings.write_text(access.settings.read_text() + "full_from_items: 3\n")
    assert prepare_access(tmp_path / "gateway") == access
    assert read_settings(access.settings).full_from_items == 3
    access.key_file.unlink()  # the key that is made anew is none that the settings know
    with pytest.raises(ValueError, match=r"settings\.yaml knows no key with the hash of .*/key: "):
        prepare_access(tmp_path / "gateway")


def test_the_address_tells_no_server_the_key():
    address = urlsplit(write_address(8123, "k+y", ["anna b", "ü"], "a & b"))
    assert (address.netloc, address.path, address.query) == ("127.0.0.1:8123", "/", "")
    assert parse_qs(address.fragment) == {
        "key": ["k+y"],
        "user": ["anna b", "ü"],
        "text": ["a & b"],
    }
