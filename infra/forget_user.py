"""Erase a user, and say what still knows her; `--purge` removes what holds her data.

    python -m infra.forget_user USER [--tenant TENANT] [--purge] [--json]

Erases the user from the persona store as `python -m components.personas.forget` does, then lists
by data and by lineage the artifacts, reports and models of the active ZenML stack that know her.
`--dry-run` only lists. Exit code 1: something could not be removed, or nothing was done.
"""

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path

from components.personas.config import STORE_VARIABLE, PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.forget import forget_user
from components.personas.receipts import Receipt
from components.user_hash import hash_user, load_key
from infra.erasure.artifacts import find_artifacts
from infra.erasure.lineage import Lineage
from infra.erasure.models import scan_registry
from infra.erasure.purge import Purge, purge_traces
from infra.erasure.reports import find_logged_reports, find_report_folders
from infra.erasure.traces import Trace, write_table
from steps.caching import source_root
from steps.custody_folder import find_custody_folder
from steps.model_registry import open_registry
from steps.persona_store import find_store
from steps.tombstone_file import find_tombstone_file
from steps.user_hash_key import KEY_FILE

ROOT = source_root(Path(__file__).resolve())


def find_traces(user_id: str, user_hash: str) -> list[Trace]:
    """Return all that knows a user: reports, then artifacts, then registered models.

    Args:
        user_id: As it stands in histories.
        user_hash: Of the same user, as in `trained_users.parquet`.
    """
    client = open_registry()
    registry = scan_registry(client, user_hash)
    lineage = Lineage(user_id)
    reports = find_report_folders(lineage, ROOT) + find_logged_reports(lineage, client)
    return reports + find_artifacts(lineage, registry) + registry.traces


def locate_store(given: str | None) -> str | None:
    """Return where the persona store is; None if there is none where it would be by default.

    A place that was named and holds none is an error later: it may be mistyped.
    """
    place = given or find_store(PersonaStoreConfig())
    is_there = "://" in place or (Path(place) / "catalog.sqlite").is_file()
    return place if given or is_there else None


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("user", help="the user's id")
    parser.add_argument("--tenant", default="default", help="whose user")
    parser.add_argument("--store", help=f"the persona store; {STORE_VARIABLE} or state/personas")
    parser.add_argument("--purge", action="store_true", help="remove what holds her data")
    parser.add_argument("--dry-run", action="store_true", help="erase nothing, only list")
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")
    given = parser.parse_args(arguments)
    if given.purge and given.dry_run:
        parser.error("--purge removes, --dry-run does not: give one of them")
    try:
        key = load_key(KEY_FILE, create=False)
        receipt, traces, purge = run(given, key)
    except ValueError as err:
        sys.exit(str(err))
    write = write_json if given.json else write_text
    sys.stdout.write(write(receipt, traces, purge))
    if purge is not None and purge.failed:
        sys.exit(1)


def run(given: argparse.Namespace, key: bytes) -> tuple[Receipt | None, list[Trace], Purge | None]:
    """Erase, list and purge; return the receipt, all traces, and what the purge did."""
    user_hash = hash_user(given.user, key)
    if given.dry_run:
        return None, find_traces(given.user, user_hash), None
    custody = open_custody(find_custody_folder(), key)
    with closing(custody):
        store = locate_store(given.store)
        if store is None:
            sys.stderr.write("there is no persona store: only her key is destroyed\n")
        receipt = forget_user(store, custody, given.tenant, given.user, find_tombstone_file())
        traces = find_traces(given.user, user_hash)
        if not given.purge:
            return receipt, traces, None
        return receipt, traces, purge_traces(traces, custody.receipts, given.tenant, user_hash)


def write_json(receipt: Receipt | None, traces: list[Trace], purge: Purge | None) -> str:
    """Return what was done, for programs."""
    document = {
        "receipt": None if receipt is None else receipt.model_dump(mode="json"),
        "traces": [trace.describe() for trace in traces],
        "removed": [] if purge is None else [trace.what for trace in purge.removed],
        "failed": {} if purge is None else {trace.what: why for trace, why in purge.failed},
    }
    return json.dumps(document, indent=1) + "\n"


def write_text(receipt: Receipt | None, traces: list[Trace], purge: Purge | None) -> str:
    """Return what was done, for people."""
    lines = []
    if receipt is not None:
        rows = sum(deletion.rows for deletion in receipt.deletions)
        lines.append(f"Erased: {rows} rows of personas (receipt {receipt.number}).\n")
    lines.append(write_table(traces))
    if purge is not None:
        lines.append(f"Removed: {len(purge.removed)} of {len(purge.removed) + len(purge.failed)}.")
        lines += [f"Not removed: {trace.what}: {why}" for trace, why in purge.failed]
    if any(trace.kept for trace in traces):
        lines.append("Models stay; the next retraining excludes the user.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
