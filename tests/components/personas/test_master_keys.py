"""Where master keys are read from."""

import stat

import pytest

from components.personas.master_keys import MASTER_KEY_VARIABLE, load_master_keys


def test_master_keys_are_made_once_for_their_owner(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "master.key"
    [key] = load_master_keys(path)
    assert len(key) == 32
    assert load_master_keys(path) == [key]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(f"{'cd' * 32}, {key.hex()}\n")
    assert load_master_keys(path) == [b"\xcd" * 32, key]
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "ab" * 32)
    assert load_master_keys(path) == [b"\xab" * 32]
    for wrong in ("secret", "ab" * 32 + ","):
        monkeypatch.setenv(MASTER_KEY_VARIABLE, wrong)
        with pytest.raises(ValueError, match=f"{MASTER_KEY_VARIABLE}: expected a master key of 64"):
            load_master_keys(path)
