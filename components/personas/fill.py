"""Fill the persona store with the behavior vectors of all users."""

from itertools import groupby
from pathlib import Path

from tqdm import tqdm

from components.encoders.behavior_vectors import BehaviorVectors
from components.folder import Folder
from components.histories.tables import Histories
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore

STORE_FILE = "personas.sqlite"


class PersonaStoreFolder(Folder):
    """A persona store of all users of one run; empty where the candidate was refused."""

    @property
    def store_path(self) -> Path:
        """Where the store's file lies."""
        return self.path / STORE_FILE


def fill_store(
    histories: Histories, vectors: BehaviorVectors, directory: Path
) -> PersonaStoreFolder:
    """Write every user's items and vectors to a new store in an existing directory."""
    matrix = vectors.open()
    items = histories.items
    rows = zip(
        *(items[name] for name in ("user_id", "item_id", "text", "time", "output")), strict=True
    )
    path = directory / STORE_FILE
    with PersonaStore.open(path, vectors.fingerprint, matrix.shape[1]) as store:
        numbered = enumerate(tqdm(rows, total=len(items), desc="filling the store", unit=" items"))
        for user_id, group in groupby(numbered, key=lambda pair: pair[1][0]):
            store.replace(
                user_id,
                [
                    PersonaItem(item_id, matrix[row], hash_text(text), time, output)
                    for row, (_, item_id, text, time, output) in group
                ],
            )
    return PersonaStoreFolder.at(directory)
