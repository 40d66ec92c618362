"""Users' ids as keyed hashes: enough to find a user whose id is known, not to list any."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from components.secret_file import read_secret

KEY_VARIABLE = "PERSONA_PLUG_USER_HASH_KEY"


def hash_user(user_id: str, key: bytes) -> str:
    """Return the HMAC-SHA256 of a user's id, as hexadecimal digits."""
    return hmac.new(key, user_id.encode(), hashlib.sha256).hexdigest()


def load_key(path: Path, *, create: bool = True) -> bytes:
    """Return the key of the user hashes: from the environment, or a file made at first use.

    Args:
        path: The key file, readable by its owner only; used where `PERSONA_PLUG_USER_HASH_KEY`
            is not set.
        create: Whether a missing file is made. Who looks users up says no: under a new key
            nobody would be found.

    Raises:
        ValueError: If the file is missing and not to be made, or holds no ASCII text.
    """
    if key := os.environ.get(KEY_VARIABLE):
        return key.encode()
    if not create and not path.exists():
        raise ValueError(f"key of the user hashes: {KEY_VARIABLE} is not set, and no {path}")
    try:
        return read_secret(path, secrets.token_hex(32)).encode()
    except UnicodeDecodeError as err:
        raise ValueError(f"key of the user hashes: {path} holds no ASCII text") from err


def check_value(key: bytes, kept_in: str) -> str:
    """Return what a file or store keeps of the key, so that another key is told: 16 digits.

    Args:
        key: Of the user hashes.
        kept_in: What keeps it; each has a value of its own.
    """
    return hmac.new(key, kept_in.encode(), hashlib.sha256).hexdigest()[:16]
