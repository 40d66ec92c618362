"""Write the receipts of erasures, and the key that checks them, to files for an auditor.

    python -m components.personas.export_receipts --custody DIRECTORY --output FOLDER

The folder gets `receipts.jsonl` and `receipts.pub`, which `infra/verify_receipts.py` takes, from
wherever the custody keeps them. Written again to the same folder, they must go on from what is
there: an error says that receipts were cut off or changed since.
"""

import argparse
import secrets
import sys
from contextlib import closing
from pathlib import Path

from components.personas.custody import find_key_database, open_keys_and_receipts
from components.personas.receipts import ReceiptBook


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    parser.add_argument("--output", type=Path, required=True, help="a folder of its own")
    given = parser.parse_args(arguments)
    try:
        if given.output.resolve() == given.custody.resolve():
            raise ValueError(f"{given.output} is the custody: its book would be overwritten")
        keys, book = open_keys_and_receipts(given.custody)
        with closing(keys), closing(book):
            num_receipts = write_receipts(book, given.output)
    except (ValueError, OSError) as err:
        sys.exit(str(err))
    sys.stdout.write(f"{num_receipts} receipts are in {given.output}\n")


def write_receipts(book: ReceiptBook, folder: Path) -> int:
    """Write `receipts.jsonl` and `receipts.pub`; return how many receipts.

    Args:
        book: Where they are.
        folder: Made if it isn't there.

    Raises:
        ValueError: If a custody on a disk has none, or they don't go on from those in the folder.
    """
    lines = book.read_lines()
    # A mistyped folder is an empty custody; a database that answers has none until the first
    # erasure, and whoever exports every night needn't be told.
    if not lines and find_key_database() is None:
        raise ValueError("there are no receipts in this custody")
    folder.mkdir(parents=True, exist_ok=True)
    receipts, public_key = folder / "receipts.jsonl", folder / "receipts.pub"
    text, key = b"".join(line + b"\n" for line in lines), book.public_key()
    if public_key.exists() and public_key.read_bytes() != key:
        raise ValueError(f"{public_key} is another key than the custody's")
    if receipts.exists() and not text.startswith(receipts.read_bytes()):
        raise ValueError(f"{receipts} holds receipts that the custody doesn't have any more")
    _replace(public_key, key)
    _replace(receipts, text)
    return len(lines)


def _replace(path: Path, content: bytes) -> None:
    """Write a file; it appears complete or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
