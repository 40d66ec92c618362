"""A place for what a step writes before its materializer copies it into the artifact store."""

import atexit
import shutil
import tempfile
from pathlib import Path


def make_scratch_directory() -> Path:
    """Return a new empty directory that is removed when the process ends."""
    directory = Path(tempfile.mkdtemp(prefix="persona-plug-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory
