"""The persona stores of all tenants, asked from an event loop.

What the store refuses and what keeps it from answering are told apart here: `StoreDownError` is
the latter, whatever database lies below.
"""

import asyncio
import hmac
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from components.personas.config import PersonaStoreConfig
from components.personas.custody import Custody, open_custody
from components.personas.persona import PersonaItem, StoredPersona
from components.personas.receipts import Receipt
from components.personas.store import PersonaStore
from components.serving.gateway.settings import GOLDEN_TENANT, StoreSettings
from components.user_hash import load_key

NUM_READERS, NUM_WRITERS = 8, 4
PROBE_USER = "of no one: asked whether the store answers"
T = TypeVar("T")


class StoreDownError(Exception):
    """The persona store can't be reached, or can't be read."""


class UserErasedError(Exception):
    """A user was erased, and nothing may be stored of her."""


class ItemExistsError(Exception):
    """A user already has an item of this id."""


def find_store_errors() -> tuple[type[Exception], ...]:
    """Return what is raised when a database doesn't answer; reads go to its driver directly."""
    drivers: list[type[Exception]] = [SQLAlchemyError, sqlite3.Error, OSError]
    if find_spec("psycopg") is not None:
        drivers.append(import_module("psycopg").Error)
    return tuple(drivers)


STORE_ERRORS = find_store_errors()
READ_ERRORS: tuple[type[Exception], ...] = (ValueError, *STORE_ERRORS)
"""A ValueError of a read: a file is missing, or rows can't be opened."""


class TenantStores:
    """One store a tenant, under one fingerprint.

    Args:
        stores: By tenant.
        custody: The operator's, shared by all.
        timeout_seconds: Longest wait for what is read.
    """

    def __init__(
        self, stores: dict[str, PersonaStore], custody: Custody, timeout_seconds: float
    ) -> None:
        self._stores = stores
        self._custody = custody
        self._timeout_seconds = timeout_seconds
        # As many threads, so many connections to each shard; who reads does not wait for who
        # writes, as writers of a shard wait for each other, and an erasure rewrites it.
        self._reading = ThreadPoolExecutor(NUM_READERS, thread_name_prefix="store-reader")
        self._writing = ThreadPoolExecutor(NUM_WRITERS, thread_name_prefix="store-writer")

    @classmethod
    def open(
        cls, settings: StoreSettings, tenants: Sequence[str], fingerprint: str, dim: int, root: Path
    ) -> "TenantStores":
        """Open the stores.

        Args:
            settings: Where they are.
            tenants: Whose.
            fingerprint: Of the engine's history encoder.
            dim: Width E of its vectors.
            root: Relative paths start here.

        Raises:
            ValueError: If a store is missing, can't be reached, or was made for another encoder or
                with other keys.
        """
        key = load_key(root / settings.user_hash_key, create=settings.create)
        custody = open_custody(root / settings.custody, key)
        stores: dict[str, PersonaStore] = {}
        try:
            for tenant in tenants:
                config = PersonaStoreConfig(
                    place=settings.place,
                    tenant=tenant,
                    num_shards=settings.num_shards,
                    max_items=settings.max_items,
                    keep_texts=settings.keep_texts,
                )
                place = config.locate(root)
                create = settings.create or tenant == GOLDEN_TENANT
                if create and "://" not in place:
                    Path(place).parent.mkdir(parents=True, exist_ok=True)
                open_store = partial(PersonaStore.open, place, custody, fingerprint, dim, config)
                open_store(create=create).close()
                with open_store(create=True) as store:
                    store.watermarks()  # makes the files of shards that hold nobody yet
                # From here on a missing file is a store that is down, not one without users.
                stores[tenant] = open_store(create=False)
        except BaseException as err:
            cls(stores, custody, settings.timeout_seconds).close()
            if isinstance(err, SQLAlchemyError):
                reason = getattr(err, "orig", err)  # names no user: none was asked for
                raise ValueError(f"the persona store can't be reached: {reason}") from err
            raise
        return cls(stores, custody, settings.timeout_seconds)

    async def get(self, tenant: str, user_id: str) -> StoredPersona:
        """Return a user's newest items; an empty persona for an unknown user.

        Raises:
            StoreDownError: If the store doesn't answer.
        """
        return await self._read(self._stores[tenant].get, user_id)

    async def get_items(self, tenant: str, user_id: str) -> tuple[PersonaItem, ...]:
        """Return a user's whole history, oldest item first.

        Raises:
            StoreDownError: If the store doesn't answer.
        """
        return await self._read(self._stores[tenant].get_items, user_id)

    async def append(self, tenant: str, user_id: str, items: Iterable[PersonaItem]) -> None:
        """Add items to a user's history. All or none.

        Raises:
            UserErasedError: If the user was erased.
            ItemExistsError: If the user has an item of such an id.
            StoreDownError: If the store doesn't answer.
        """
        store, given = self._stores[tenant], list(items)
        try:
            await _run(self._writing, store.append, user_id, given)
        except ValueError as err:  # of several kinds: asked afterwards, so nothing comes between
            if not await self._read(store.hold_keys, [user_id]):
                raise UserErasedError from err
            stored = await self._read(store.get_items, user_id)
            if {item.item_id for item in stored} & {item.item_id for item in given}:
                raise ItemExistsError from err
            raise StoreDownError from err
        except STORE_ERRORS as err:
            raise StoreDownError from err

    async def forget(self, tenant: str, user_id: str) -> Receipt:
        """Erase a user.

        Raises:
            StoreDownError: If the store doesn't answer; what was begun is finished by another try.
        """
        try:
            return await _run(self._writing, self._stores[tenant].forget, user_id)
        except READ_ERRORS as err:
            raise StoreDownError from err

    def name_owner(self, tenant: str, user_id: str) -> str:
        """Return a keyed hash of tenant and user, which no store knows."""
        named = f"engine\0{tenant}\0{user_id}".encode()
        return hmac.digest(self._custody.hash_key, named, "sha256").hex()

    async def probe(self) -> None:
        """Ask every store something.

        Raises:
            StoreDownError: If one doesn't answer.
        """
        for store in self._stores.values():
            await self._read(store.get, PROBE_USER)

    async def _read(self, call: Callable[..., T], *given: object) -> T:
        """Ask a store; one that is silent for too long is down, though its thread may wait on."""
        try:
            return await asyncio.wait_for(_run(self._reading, call, *given), self._timeout_seconds)
        except READ_ERRORS as err:  # a timeout is an OSError
            raise StoreDownError from err

    def close(self) -> None:
        """Close all stores, and their custody, when what was begun is done."""
        for threads in (self._reading, self._writing):
            threads.shutdown()
        for store in self._stores.values():
            store.close()
        self._custody.close()


async def _run(threads: Executor, call: Callable[..., T], *given: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(call, *given))
