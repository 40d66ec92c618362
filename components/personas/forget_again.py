"""Erase from a restored store whoever was erased after its backup was made.

    python -m components.personas.forget_again RECEIPTS --store DIRECTORY --custody DIRECTORY
        --user-hash-key FILE --tombstones FILE

An old backup of the keys brings destroyed keys back. RECEIPTS is the `receipts.jsonl` that
`components.personas.export_receipts` wrote last; it knows users by hash, and the store says whose
these are. Run it before anything else opens the store. Verify the file first
(`infra/verify_receipts.py`).
"""

import argparse
import sys
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from components.personas.custody import Custody, open_custody
from components.personas.databases import open_database
from components.personas.erasure import erase_user
from components.personas.namespaces import list_fingerprints
from components.personas.receipts import Receipt
from components.personas.source import open_source
from components.personas.tombstone_file import follow_receipts, update_tombstones
from components.user_hash import hash_user, load_key


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("receipts", type=Path, help="as they were exported last")
    parser.add_argument("--store", required=True, help="a directory or PostgreSQL address")
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    parser.add_argument("--user-hash-key", type=Path, required=True, help="key of the hashes")
    parser.add_argument("--tombstones", type=Path, required=True, help="brought up to date")
    given = parser.parse_args(arguments)
    try:
        receipts = read_receipts(given.receipts)
        key = load_key(given.user_hash_key, create=False)
        with closing(open_custody(given.custody, key)) as custody:
            num_erased = forget_again(given.store, custody, receipts)
            update_tombstones(given.tombstones, receipts, key)
    except (ValueError, OSError) as err:
        sys.exit(str(err))
    sys.stdout.write(f"{num_erased} users were there again, and are erased\n")


def read_receipts(path: Path) -> list[Receipt]:
    """Return the receipts of a file, the first first.

    Raises:
        ValueError: If a line is none.
    """
    return [Receipt.model_validate_json(line) for line in path.read_bytes().splitlines()]


def forget_again(place: str, custody: Custody, receipts: list[Receipt]) -> int:
    """Erase who was erased by these receipts and can be read all the same; return how many.

    Args:
        place: Of the store.
        custody: The operator's, as it was restored.
        receipts: All of them, of before the loss.

    Raises:
        ValueError: If the store is not there, or of another custody.
    """
    num_erased = 0
    with closing(open_database(place, 1, custody, create=False)) as database:
        for tenant in sorted({receipt.tenant for receipt in receipts}):
            erased = follow_receipts((one for one in receipts if one.tenant == tenant), {})
            fingerprints = list_fingerprints(database, tenant)
            for user_id in sorted(set(find_users(place, custody, tenant, fingerprints))):
                if hash_user(user_id, custody.hash_key) in erased:
                    erase_user(database, custody, tenant, user_id)
                    num_erased += 1
    return num_erased


def find_users(
    place: str, custody: Custody, tenant: str, fingerprints: Collection[str]
) -> Iterator[str]:
    """Yield the ids of a tenant's users whose rows can be read."""
    for fingerprint in fingerprints:
        with open_source(place, custody, tenant, fingerprint) as store:
            for shard, up_to in enumerate(store.watermarks()):
                yield from (user_id for user_id, _ in store.scan(shard, up_to))


if __name__ == "__main__":
    main()
