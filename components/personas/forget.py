"""Erase a user from a persona store, or let one be stored again.

    python -m components.personas.forget USER --store DIRECTORY --custody DIRECTORY
        --user-hash-key FILE --tombstones FILE

prints the receipt, one line of JSON. `--store` may be the address of a PostgreSQL database. The
tombstone file is what `validation.tombstones` of a run's settings names.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from components.personas.custody import Custody, open_custody
from components.personas.databases import open_database
from components.personas.erasure import erase_user, readmit_user
from components.personas.receipts import Receipt
from components.personas.tombstone_file import update_tombstones
from components.user_hash import load_key


def forget_user(
    store: str | None, custody: Custody, tenant: str, user_id: str, tombstones: Path
) -> Receipt:
    """Erase a user, and bring the tombstones up to date.

    Args:
        store: A directory or an address; None where there is no store: the key is destroyed all the
            same, so that no copy of an earlier one can be read and no later one made of her.
        custody: The operator's keys and receipts.
        tenant: Whose user.
        user_id: Who.
        tombstones: The file of tombstones.

    Raises:
        ValueError: If the store is not there, or it or the tombstones are of another key.
    """
    if store is None:
        receipt = erase_user(None, custody, tenant, user_id)
    else:
        with closing(open_database(store, 1, custody, create=False)) as database:
            receipt = erase_user(database, custody, tenant, user_id)
    update_tombstones(tombstones, custody.receipts.read(), custody.hash_key)
    return receipt


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("user", help="the user's id")
    parser.add_argument("--store", required=True, help="a directory, or postgresql+psycopg://...")
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    parser.add_argument("--user-hash-key", type=Path, required=True, help="state/user_hash.key")
    parser.add_argument("--tombstones", type=Path, required=True, help="a parquet file")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--readmit", action="store_true", help="the user agreed to it")
    given = parser.parse_args(arguments)
    custody = open_custody(given.custody, load_key(given.user_hash_key))
    try:
        if given.readmit:
            receipt = readmit_user(custody, given.tenant, given.user)
            update_tombstones(given.tombstones, custody.receipts.read(), custody.hash_key)
        else:
            receipt = forget_user(given.store, custody, given.tenant, given.user, given.tombstones)
    except ValueError as err:
        sys.exit(str(err))
    finally:
        custody.close()
    sys.stdout.write(receipt.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
