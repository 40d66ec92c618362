"""Hashes of users: to be made with the key, and not without it."""

import hashlib
import hmac
import stat

import pytest

from components.user_hash import KEY_VARIABLE, hash_user, load_key


@pytest.fixture(autouse=True)
def _without_a_key_of_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_hashes_are_keyed():
    assert hash_user("anna", b"k") == hmac.new(b"k", b"anna", hashlib.sha256).hexdigest()
    assert len({hash_user(user, key) for user in ("anna", "bert") for key in (b"k", b"l")}) == 4
    assert hash_user("anna", b"k") != hashlib.sha256(b"anna").hexdigest()


def test_a_key_is_made_once_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "deep" / "key"
    key = load_key(path)
    assert load_key(path) == key
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(tmp_path / "other") != key


def test_the_environments_key_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert load_key(tmp_path / "key") == b"secret"
    assert not (tmp_path / "key").exists()


def test_who_only_looks_users_up_makes_no_key(tmp_path):
    with pytest.raises(ValueError, match=f"{KEY_VARIABLE} is not set, and no .*key"):
        load_key(tmp_path / "key", create=False)
    assert not (tmp_path / "key").exists()
    made = load_key(tmp_path / "key")
    assert load_key(tmp_path / "key", create=False) == made


def test_a_key_that_is_no_text_is_named(tmp_path):
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="key holds no ASCII text"):
        load_key(tmp_path / "key")
