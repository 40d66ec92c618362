"""A key and settings of this clone's own."""

import pytest

from components.personas.config import PersonaStoreConfig
from components.serving.gateway.identity import Authenticator
from components.serving.gateway.settings import read_settings
from steps.gateway_access import prepare_access, read_golden_key, require_personas

PERSONAS = PersonaStoreConfig()


def test_key_and_settings_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PERSONA_PLUG_STORE", str(tmp_path / "personas"))
    access = prepare_access(tmp_path / "gateway", PERSONAS)
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
    assert prepare_access(tmp_path / "gateway", PERSONAS) == access
    assert read_settings(access.settings).full_from_items == 3
    access.key_file.unlink()  # the key that is made anew is none that the settings know
    with pytest.raises(ValueError, match=r"settings\.yaml knows no key with the hash of .*/key: "):
        prepare_access(tmp_path / "gateway", PERSONAS)


def test_the_golden_key_is_another_one_and_stays(tmp_path):
    key = read_golden_key(tmp_path)
    assert read_golden_key(tmp_path) == key != prepare_access(tmp_path, PERSONAS).key


def test_the_settings_serve_the_personas_of_the_run(tmp_path, monkeypatch):
    monkeypatch.delenv("PERSONA_PLUG_STORE", raising=False)
    personas = PersonaStoreConfig(
        place=str(tmp_path / "personas"), tenant="acme", num_shards=2, max_items=4, keep_texts=False
    )
    access = prepare_access(tmp_path / "gateway", personas)
    settings = read_settings(access.settings)
    assert (settings.tenants, settings.service_keys[0].tenant) == (("acme",), "acme")
    store = settings.store
    assert (store.place, store.num_shards) == (personas.place, 2)
    assert (store.max_items, store.keep_texts) == (4, False)
    require_personas(access.settings, personas)


def test_settings_of_other_personas_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("PERSONA_PLUG_STORE", raising=False)
    access = prepare_access(tmp_path / "gateway", PERSONAS)
    require_personas(access.settings, PERSONAS)
    for changed in ({"place": "/elsewhere"}, {"tenant": "acme"}):
        with pytest.raises(ValueError, match=r"serves the tenants .*default.* of "):
            require_personas(access.settings, PERSONAS.model_copy(update=changed))
    monkeypatch.setenv("PERSONA_PLUG_STORE", "postgresql+psycopg://anna@db/personas")
    require_personas(access.settings, PERSONAS.model_copy(update={"place": "/elsewhere"}))
