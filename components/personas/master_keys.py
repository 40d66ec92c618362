"""The keys that wrap all users' keys: of an environment, or of a file."""

import os
import secrets
from pathlib import Path

from components.personas.keys import KEY_BYTES
from components.secret_file import read_secret

MASTER_KEY_VARIABLE = "PERSONA_PLUG_MASTER_KEY"


def load_master_keys(path: Path) -> list[bytes]:
    """Return the master keys, from the environment or a file made at first use.

    Args:
        path: A file of 64 hexadecimal digits, readable by its owner only, or of several keys with
            commas between; used where `PERSONA_PLUG_MASTER_KEY` is not set.

    Raises:
        ValueError: If one of them is not 64 hexadecimal digits.
    """
    source, given = MASTER_KEY_VARIABLE, os.environ.get(MASTER_KEY_VARIABLE)
    if not given:
        source, given = str(path), read_secret(path, secrets.token_hex(KEY_BYTES))
    return [_parse_key(digits, source) for digits in given.split(",")]


def _parse_key(digits: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{source}: expected a master key of {2 * KEY_BYTES} hexadecimal digits, "
            "or several with commas between"
        )
    return key
