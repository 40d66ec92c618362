"""Who was erased, as pods find out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.personas.custody import KEYS_VARIABLE
from components.personas.master_keys import MASTER_KEY_VARIABLE
from components.validation.config import ValidationConfig
from components.validation.tombstones import resolve_tombstones, write_tombstones
from steps.erased_users import find_erased
from steps.persona_store import use_custody
from tests.components.personas.conftest import (  # noqa: F401
    make_postgres,
    new_postgres,
    postgres,
)
from tests.steps.test_tombstone_file import ANNA, BERTA, KEY, file, write  # noqa: F401


def test_receipts_that_pods_share_tell_as_they_are_now(
    file: Path,  # noqa: F811
    new_postgres: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    none = resolve_tombstones(ValidationConfig(), None)  # as of a schedule, long ago
    assert find_erased(none) is None
    monkeypatch.setenv(KEYS_VARIABLE, new_postgres)
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "ab" * 32)
    with use_custody() as custody:
        write(custody, "forget", ANNA)
    erased = find_erased(none)
    assert erased is not None
    assert ("anna" in erased, "berta" in erased) == (True, False)
    write_tombstones(file, {BERTA: datetime(2026, 1, 1, tzinfo=UTC)}, KEY)
    both = find_erased(resolve_tombstones(ValidationConfig(tombstones=file), None))
    assert both is not None
    assert both.hashes == {ANNA, BERTA}
    with use_custody() as custody:
        write(custody, "readmit", ANNA)
    now = find_erased(none)
    assert now is not None
    assert now.hashes == frozenset()
