"""Where the tombstones of erased users lie, unless the settings or the environment say where."""

import os
from pathlib import Path

from steps.caching import source_root

TOMBSTONES_VARIABLE = "PERSONA_PLUG_TOMBSTONES"


def find_tombstone_file() -> Path:
    """Return the file that `PERSONA_PLUG_TOMBSTONES` names, else the one in `state` of this clone.

    It is there from the first erasure on.
    """
    if path := os.environ.get(TOMBSTONES_VARIABLE):
        return Path(path)
    return source_root(Path(__file__).resolve()) / "state" / "tombstones.parquet"
