"""Where the tombstones of erased users lie, unless the settings or the environment say where."""

import os
from pathlib import Path

from zenml.client import Client

from components.personas.custody import find_key_database
from components.personas.tombstone_file import update_tombstones
from steps.caching import source_root
from steps.custody_folder import find_custody_folder
from steps.persona_store import use_custody

TOMBSTONES_VARIABLE = "PERSONA_PLUG_TOMBSTONES"


def find_tombstone_file() -> Path:
    """Return the file that `PERSONA_PLUG_TOMBSTONES` names, else the one in `state` of this clone.

    It is there from the first erasure on.
    """
    if path := os.environ.get(TOMBSTONES_VARIABLE):
        return Path(path)
    return source_root(Path(__file__).resolve()) / "state" / "tombstones.parquet"


def refresh_tombstones() -> Path | None:
    """Bring the tombstones up to date with the receipts of erasures; return where they lie.

    Not all who erase write the file: the gateway only leaves a receipt.

    Returns:
        The file; None where the steps run as pods, which see no file of this machine and read the
        receipts themselves (`steps.erased_users`).

    Raises:
        ValueError: If the file is none of tombstones, or of another key.
    """
    if Client().active_stack.orchestrator.config.is_remote:
        return None
    path = find_tombstone_file()
    if find_custody_folder().exists() or find_key_database() is not None:
        with use_custody() as custody:
            if receipts := custody.receipts.read():
                update_tombstones(path, receipts, custody.hash_key)
    return path
