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

from components.personas.custody import open_custody
from components.personas.databases import open_database
from components.personas.erasure import erase_user, readmit_user
from components.personas.tombstone_file import update_tombstones
from components.user_hash import load_key


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
    hash_key = load_key(given.user_hash_key)
    custody = open_custody(given.custody, hash_key)
    try:
        if given.readmit:
            receipt = readmit_user(custody, given.tenant, given.user)
        else:
            with closing(open_database(given.store, 1, hash_key, create=False)) as database:
                receipt = erase_user(database, custody, given.tenant, given.user)
        update_tombstones(given.tombstones, custody.receipts.read(), hash_key)
    except ValueError as err:
        sys.exit(str(err))
    finally:
        custody.keys.close()
    sys.stdout.write(receipt.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
