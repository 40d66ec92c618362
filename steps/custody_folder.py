"""Where users' data keys and the receipts of erasures lie, unless the environment says where."""

import os
from pathlib import Path

from steps.caching import source_root

CUSTODY_VARIABLE = "PERSONA_PLUG_CUSTODY"


def find_custody_folder() -> Path:
    """Return the folder that `PERSONA_PLUG_CUSTODY` names, else `state/custody` of this clone."""
    if folder := os.environ.get(CUSTODY_VARIABLE):
        return Path(folder)
    return source_root(Path(__file__).resolve()) / "state" / "custody"
