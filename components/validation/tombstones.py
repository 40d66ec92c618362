"""The tombstone file: users who were erased, as keyed hashes, so that they don't turn up again.

A parquet file of one row a user: `user_hash` (HMAC-SHA256 of the id under the operator's key, hex)
and `erased_at` (UTC, milliseconds). A check value of the key stands in the schema's metadata: with
another key no user would ever be found, and nobody would notice. Consent given again removes the
row. The file is replaced as a whole, so that a reader sees one state or the next.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.folder import hash_file
from components.user_hash import check_value, hash_user, load_key
from components.validation.config import ValidationConfig

HASH = re.compile("[0-9a-f]{64}")
KEY_CHECK = b"key_check"
SCHEMA = pa.schema({"user_hash": pa.string(), "erased_at": pa.timestamp("ms", tz="UTC")})


@dataclass(frozen=True)
class ErasedUsers:
    """Who was erased: asked by id, known by hash."""

    hashes: frozenset[str]
    key: bytes = field(repr=False)

    def __contains__(self, user_id: str) -> bool:
        """Return whether this user was erased."""
        return hash_user(user_id, self.key) in self.hashes


def write_tombstones(path: Path, erased: Mapping[str, datetime], key: bytes) -> None:
    """Write the file anew.

    Args:
        path: Where to; what is there gives way once the new file is complete.
        erased: When each user was erased, by `components.user_hash.hash_user`.
        key: Of the hashes.

    Raises:
        ValueError: If something that is no hash stands among them, as a user's id would.
    """
    _check_hashes(str(path), erased)
    columns = [sorted(erased), [erased[user].astimezone(UTC) for user in sorted(erased)]]
    metadata = {KEY_CHECK: check_value(key, "tombstones").encode()}
    table = pa.table(columns, schema=SCHEMA).replace_schema_metadata(metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.partial")
    pq.write_table(table, staging)
    staging.replace(path)


def read_tombstones(path: Path, key: bytes) -> dict[str, datetime]:
    """Return when each user was erased, by hash.

    Raises:
        ValueError: If there is no such file, it is none of tombstones, or of another key.
    """
    _require_file(path)
    try:
        table = pq.read_table(path)
    except pa.ArrowException as err:
        raise ValueError(f"{path}: is no parquet file: {err}") from err
    if not table.schema.equals(SCHEMA):
        found = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
        expected = ", ".join(f"{field.name} ({field.type})" for field in SCHEMA)
        raise ValueError(f"{path}: columns are {found}; expected {expected}")
    if (table.schema.metadata or {}).get(KEY_CHECK) != check_value(key, "tombstones").encode():
        raise ValueError(
            f"{path}: was written under another key of user hashes: no user would be recognised"
        )
    for column in SCHEMA.names:
        if table[column].null_count:
            raise ValueError(f"{path}, field {column!r}: has rows without a value")
    _check_hashes(str(path), table["user_hash"].to_pylist())
    return dict(zip(table["user_hash"].to_pylist(), table["erased_at"].to_pylist(), strict=True))


def find_erased_users(config: ValidationConfig, key_file: Path) -> ErasedUsers | None:
    """Return who was erased, None if the settings name no file.

    Args:
        config: Names the file.
        key_file: Of the hashes' key, see `components.user_hash.load_key`.

    Raises:
        ValueError: If the file is not the one that was resolved, or as `read_tombstones`.
    """
    if config.tombstones is None:
        return None
    _require_file(config.tombstones)
    key = load_key(key_file, create=False)
    hashes = frozenset(read_tombstones(config.tombstones, key))
    if config.tombstones_hash not in (None, hash_file(config.tombstones)):
        raise ValueError(f"{config.tombstones} has changed since the run was started")
    return ErasedUsers(hashes, key)


def resolve_tombstones(config: ValidationConfig, default: Path | None) -> ValidationConfig:
    """Return the settings with the file's sha256, so that cache keys follow its content.

    Args:
        config: May name the file.
        default: The file if it names none, once there is one: a user who was erased is kept out
            whether or not somebody thought of it. None: where the run's steps read no such file.

    Raises:
        ValueError: If there is no such file: a cached validation could hide who was erased since.
    """
    path = config.tombstones or (default if default is not None and default.is_file() else None)
    if path is None:
        return config
    _require_file(path, "validation.tombstones")
    return config.model_copy(update={"tombstones": path, "tombstones_hash": hash_file(path)})


def _require_file(path: Path, setting: str = "tombstones") -> None:
    if not path.is_file():
        raise ValueError(f"{setting}: there is no file {path}")


def _check_hashes(name: str, hashes: Iterable[str]) -> None:
    for number, user_hash in enumerate(hashes, start=1):
        if not HASH.fullmatch(user_hash):
            raise ValueError(f"{name}, row {number}, field 'user_hash': no HMAC-SHA256 in hex")
