"""Users and items as the store names them in the clear: keyed hashes, and the shard of a user."""

import hashlib
import hmac
from dataclasses import dataclass, field

HASH_BYTES = 16
"""Half of a sha256: two of 10^9 users share it with a chance of 10^-21."""


def shard_of(user_id: str, num_shards: int) -> int:
    """Return which shard has a user: the same on every machine, for the store and for its jobs.

    Example:
        >>> shard_of("anna", 16)
        14
    """
    digest = hashlib.sha256(user_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % num_shards


@dataclass(frozen=True)
class RowHashes:
    """Keyed hashes of one tenant's users and their items."""

    key: bytes = field(repr=False)
    tenant: str

    def user(self, user_id: str) -> bytes:
        """Return a user's hash, 16 bytes; the same id under another tenant has another."""
        return self._hash(b"user", f"{self.tenant}\0{user_id}")

    def item(self, user_hash: bytes, item_id: str) -> bytes:
        """Return an item's hash, 16 bytes; the same item of another user has another."""
        return self._hash(b"item" + user_hash, item_id)

    def _hash(self, kind: bytes, text: str) -> bytes:
        return hmac.digest(self.key, kind + b"\0" + text.encode(), "sha256")[:HASH_BYTES]


def check_id(name: str, value: str) -> None:
    """Refuse an id that is blank, no text, or holds a zero byte.

    Raises:
        ValueError: With the name of what was refused.
    """
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(f"{name} is {value!r}, expected text, not blank, without a zero byte")
