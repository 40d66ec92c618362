"""Where tombstones lie."""

from pathlib import Path

import pytest

from components.personas.custody import KEYS_VARIABLE, Custody
from components.personas.master_keys import MASTER_KEY_VARIABLE
from components.personas.receipts import Action
from components.user_hash import hash_user
from components.validation.tombstones import read_tombstones
from steps.custody_folder import CUSTODY_VARIABLE
from steps.persona_store import use_custody
from steps.tombstone_file import (
    TOMBSTONES_VARIABLE,
    find_tombstone_file,
    refresh_tombstones,
)
from tests.components.personas.conftest import (  # noqa: F401
    make_postgres,
    new_postgres,
    postgres,
)

KEY = b"of the tests"
ANNA, BERTA = (hash_user(user, KEY) for user in ("anna", "berta"))


def write(custody: Custody, action: Action, user_hash: str) -> None:
    custody.receipts.write(
        action,
        tenant="default",
        user_hash=user_hash,
        deletions=(),
        key_destroyed=True,
        files_wiped=True,
    )


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the tombstones will be."""
    monkeypatch.setenv(TOMBSTONES_VARIABLE, str(tmp_path / "tombstones.parquet"))
    monkeypatch.setenv(CUSTODY_VARIABLE, str(tmp_path / "custody"))
    monkeypatch.setenv("PERSONA_PLUG_USER_HASH_KEY", KEY.decode())
    return tmp_path / "tombstones.parquet"


def test_the_environment_says_where_else_it_is_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOMBSTONES_VARIABLE, "/secrets/tombstones.parquet")
    assert find_tombstone_file() == Path("/secrets/tombstones.parquet")
    monkeypatch.delenv(TOMBSTONES_VARIABLE)
    clone = Path(__file__).resolve().parents[2]
    assert find_tombstone_file() == clone / "state" / "tombstones.parquet"


def test_who_was_erased_without_a_tombstone_gets_one(file: Path) -> None:
    assert refresh_tombstones() == file
    assert not file.exists()
    assert not file.with_name("custody").exists()
    with use_custody() as custody:
        write(custody, "forget", ANNA)
        write(custody, "forget", BERTA)
        write(custody, "readmit", ANNA)
    refresh_tombstones()
    assert list(read_tombstones(file, KEY)) == [BERTA]


def test_who_was_erased_by_pods_whose_disks_are_gone_gets_one(
    file: Path,
    new_postgres: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, new_postgres)
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "ab" * 32)
    for pod, user_hash in (("first", ANNA), ("second", BERTA)):
        with monkeypatch.context() as in_pod:
            in_pod.setenv(CUSTODY_VARIABLE, str(tmp_path / pod))
            with use_custody() as custody:
                write(custody, "forget", user_hash)
    assert not list(tmp_path.iterdir())
    refresh_tombstones()
    assert read_tombstones(file, KEY).keys() == {ANNA, BERTA}
