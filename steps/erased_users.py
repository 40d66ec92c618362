"""Who was erased, as a step finds out: by the tombstone file, or by receipts that pods share."""

from components.personas.custody import find_key_database
from components.personas.tombstone_file import follow_receipts
from components.validation.config import ValidationConfig
from components.validation.tombstones import ErasedUsers, find_erased_users
from steps.persona_store import use_custody
from steps.user_hash_key import KEY_FILE


def find_erased(validation: ValidationConfig) -> ErasedUsers | None:
    """Return who was erased; None if neither a file nor shared receipts say.

    Pods see no disk of who started or scheduled the run: they read the receipts beside the users'
    keys in PostgreSQL, as these are when the step runs.

    Raises:
        ValueError: If the file is not the one that was resolved, or is none of tombstones.
    """
    filed = find_erased_users(validation, KEY_FILE)
    if find_key_database() is None:
        return filed
    with use_custody() as custody:
        receipts, key = custody.receipts.read(), custody.hash_key
    hashes = frozenset(follow_receipts(receipts, {}))
    return ErasedUsers(hashes if filed is None else hashes | filed.hashes, key)
