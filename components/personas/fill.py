"""Fill the persona store with the behavior vectors of all users."""

import logging
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from tqdm import tqdm

from components.encoders.behavior_vectors import BehaviorVectors
from components.folder import Folder
from components.histories.tables import Histories
from components.personas.custody import Custody
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore

logger = logging.getLogger(__name__)

STORE_DIRECTORY = "personas"
USERS_PER_BATCH = 2000


class PersonaStoreFolder(Folder):
    """A persona store of all users of one run; empty where the candidate was refused.

    Its rows are sealed: without the operator's custody nothing in it can be read.
    """

    @property
    def store_path(self) -> Path:
        """Where the store's files lie."""
        return self.path / STORE_DIRECTORY


def fill_store(
    histories: Histories, vectors: BehaviorVectors, custody: Custody, directory: Path
) -> PersonaStoreFolder:
    """Write every user's items and vectors to a new store in an existing directory.

    Users who were erased are left out, and counted in the log.

    Args:
        histories: Whose items, by user.
        vectors: One for each item.
        custody: Of users' keys.
        directory: Where to write.
    """
    width = vectors.open().shape[1]
    num_refused = 0
    with PersonaStore.open(
        directory / STORE_DIRECTORY, custody, vectors.fingerprint, width
    ) as store:
        generation, watermarks = store.generations.begin(), store.watermarks()
        users = list_users(histories, vectors)
        while batch := list(islice(users, USERS_PER_BATCH)):
            num_refused += len(store.write_base(generation, batch))
        store.generations.publish(generation, watermarks)
    if num_refused:
        logger.warning("%d users were erased before: they were left out", num_refused)
    return PersonaStoreFolder.at(directory)


def list_users(
    histories: Histories, vectors: BehaviorVectors
) -> Iterator[tuple[str, list[PersonaItem]]]:
    """Yield every user with all items."""
    items, matrix = histories.items, vectors.open()
    names = ("user_id", "item_id", "text", "time", "output")
    rows = zip(*(items[name] for name in names), strict=True)
    numbered = enumerate(tqdm(rows, total=len(items), desc="filling the store", unit=" items"))
    for user_id, group in groupby(numbered, key=lambda pair: pair[1][0]):
        yield (
            user_id,
            [
                PersonaItem(item_id, matrix[row], hash_text(text), time, output)
                for row, (_, item_id, text, time, output) in group
            ],
        )
