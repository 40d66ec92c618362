from pathlib import Path

from components.personas.config import STORE_VARIABLE, PersonaStoreConfig
from steps.caching import source_root
from steps.persona_store import find_store, use_custody


def test_the_environment_comes_before_the_settings(monkeypatch):
    monkeypatch.setenv(STORE_VARIABLE, "postgresql+psycopg://anna:secret@db/personas")
    assert find_store(PersonaStoreConfig()) == "postgresql+psycopg://anna:secret@db/personas"


def test_a_relative_directory_lies_in_this_clone(monkeypatch):
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    root = source_root(Path(__file__).resolve().parents[2] / "steps" / "persona_store.py")
    assert find_store(PersonaStoreConfig(place="state/personas")) == str(root / "state/personas")
    assert find_store(PersonaStoreConfig(place="/srv/personas")) == "/srv/personas"


def test_custody_lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("PERSONA_PLUG_CUSTODY", str(tmp_path / "custody"))
    monkeypatch.setenv("PERSONA_PLUG_USER_HASH_KEY", "of the tests")
    with use_custody() as custody:
        key = custody.keys.make([b"0123456789abcdef"])[b"0123456789abcdef"]
    with use_custody() as custody:
        assert custody.keys.find(b"0123456789abcdef") == key
