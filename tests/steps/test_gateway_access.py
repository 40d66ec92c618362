"""A key and settings of this clone's own."""

import pytest

from components.serving.gateway.identity import Authenticator
from components.serving.gateway.settings import read_settings
from steps.gateway_access import prepare_access, read_golden_key


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


def test_the_golden_key_is_another_one_and_stays(tmp_path):
    key = read_golden_key(tmp_path)
    assert read_golden_key(tmp_path) == key != prepare_access(tmp_path).key
