"""Wrap all users' keys by a new master key, the first one of several.

    PERSONA_PLUG_MASTER_KEY=NEW,OLD python -m components.personas.rewrap_keys --custody DIRECTORY

Users' keys and their personas stay as they are. May run while others use the store, if the new key
is the first of theirs too, and again after it was killed. With one master key it only tells whether
that one opens all keys. Keys are named by the first digits of `printf %s KEY | sha256sum`.
"""

import argparse
import hashlib
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from components.personas.custody import (
    MASTER_KEY_FILE,
    find_key_database,
    open_keys_and_receipts,
)
from components.personas.keys import Rewrapping
from components.personas.master_keys import load_master_keys

DIGITS = 8


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    given = parser.parse_args(arguments)
    try:
        if not given.custody.is_dir() and find_key_database() is None:
            raise ValueError(f"{given.custody}: there is no custody")
        first, *others = load_master_keys(given.custody / MASTER_KEY_FILE)
        keys, book = open_keys_and_receipts(given.custody)
        with closing(keys), closing(book):
            done = keys.rewrap()
    except (ValueError, OSError, SQLAlchemyError) as err:
        sys.exit(str(err))
    sys.stdout.write(tell(done, first, others))
    if not done.is_wiped:
        sys.stderr.write(
            f"old wrappings stay in the log and the backups of {keys}, or until others close it\n"
        )


def tell(done: Rewrapping, first: bytes, others: list[bytes]) -> str:
    """Return what became of the keys, and by which of the master keys."""
    told = (
        f"The master key {name_key(first)} opens all {done.num_keys} keys; {done.num_changed} of "
        "them were wrapped anew.\n"
    )
    if others:
        told += (
            f"Not needed any more, but for backups of these keys from before: "
            f"{', '.join(map(name_key, others))}.\n"
        )
    return told


def name_key(key: bytes) -> str:
    """Return what a master key is called where it must not be shown."""
    return hashlib.sha256(key.hex().encode()).hexdigest()[:DIGITS]


if __name__ == "__main__":
    main()
