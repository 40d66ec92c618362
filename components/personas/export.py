"""Export a persona store's events to a parquet file, all or nothing.

    python -m components.personas.export --store DIRECTORY --custody DIRECTORY
        --user-hash-key FILE --output FILE.parquet

The file has a row an event: user_id, item_id, time, input and output. It is in the clear: erasing
a user by her key does not reach it, so delete it after use. Its schema's metadata say up to where
the store was read. `--store` may be the address of a PostgreSQL database.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from components.histories.events import EVENT_FILE_SCHEMA, StoredEvents
from components.personas.custody import open_custody
from components.personas.source import open_source, read_events
from components.user_hash import load_key

WATERMARK_KEY = b"watermark"
"""In the metadata of the file's schema: a `StoreWatermark` as JSON."""
ROWS_PER_GROUP = 10_000
WARNING = (
    "The file is in the clear: erasing a user by her key does not reach it. Delete it after use."
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Export a persona store's events to a parquet file.", epilog=WARNING
    )
    parser.add_argument("--store", required=True, help="a directory, or postgresql+psycopg://...")
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    parser.add_argument("--user-hash-key", type=Path, required=True, help="state/user_hash.key")
    parser.add_argument("--output", type=Path, required=True, help="a new .parquet file")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--fingerprint", help="which encoder's items; the tenant's only ones")
    given = parser.parse_args(arguments)
    try:
        custody = open_custody(given.custody, load_key(given.user_hash_key))
        try:
            with open_source(given.store, custody, given.tenant, given.fingerprint) as store:
                num_events = write_events(read_events(store), given.output)
        finally:
            custody.close()
    except (ValueError, OSError) as err:
        sys.exit(str(err))
    sys.stdout.write(f"{num_events:,} events are in {given.output}. {WARNING}\n")


def write_events(events: StoredEvents, path: Path) -> int:
    """Write events to a new parquet file for its owner only; return how many.

    Args:
        events: With the watermark, which the schema's metadata get.
        path: Where to write; the file appears complete or not at all.

    Raises:
        ValueError: If the path is there already, or the events can't be read.
    """
    metadata = {WATERMARK_KEY: events.watermark.model_dump_json()}
    schema = EVENT_FILE_SCHEMA.with_metadata(metadata)
    rows = iter(events.rows)
    num_events = 0
    with _new_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        while part := list(islice(rows, ROWS_PER_GROUP)):
            writer.write_batch(pa.RecordBatch.from_pylist(part, schema))
            num_events += len(part)
    return num_events


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that gets its name if the block ends without error; what a killed run left goes.

    Raises:
        ValueError: If the path is there already.
    """
    if path.exists():
        raise ValueError(f"{path} is there already; an export is written to a new file")
    draft = path.with_name(f".{path.name}.partial")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
