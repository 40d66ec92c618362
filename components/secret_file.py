"""Files that hold a secret: made once, readable by their owner only."""

import os
import secrets
from pathlib import Path


def read_secret(path: Path, new: str) -> str:
    """Return a secret file's text; where there is none, it is made with `new`, for its owner only.

    Processes that make it at once all return what one of them wrote.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was faster
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()
