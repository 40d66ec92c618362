"""The operator's persona store: where it lies, and opening it with its custody."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.personas.config import PersonaStoreConfig
from components.personas.custody import Custody, open_custody
from components.user_hash import load_key
from steps.caching import source_root
from steps.custody_folder import find_custody_folder
from steps.user_hash_key import KEY_FILE


def find_store(config: PersonaStoreConfig) -> str:
    """Return where the store lies: a directory, in this clone if it is relative, or an address."""
    return config.locate(source_root(Path(__file__).resolve()))


@contextmanager
def use_custody() -> Iterator[Custody]:
    """Give the operator's keys and receipts, closed afterwards."""
    custody = open_custody(find_custody_folder(), load_key(KEY_FILE))
    try:
        yield custody
    finally:
        custody.close()
