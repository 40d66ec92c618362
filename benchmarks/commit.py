"""The commit that a measurement ran at."""

import subprocess
from pathlib import Path


def name_commit() -> str:
    """Return the commit that runs, marked if files of it were changed; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    root = Path(__file__).resolve().parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
