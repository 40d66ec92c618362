"""Tables of the persona store and the statements on them, the same for SQLite and PostgreSQL.

One row an item. In the clear stand the keyed hashes of user and item, generation and sequence; id,
time, vector, content hash, label and text are sealed (`components.personas.sealing`).

A row's generation is that of the batch that wrote it, or `APPENDED`. A batch numbers a user's
items by age, so that the newest N are found without opening any. Appended rows are numbered by
their shard's counter; what a published generation has already taken in lies up to its watermark.
A batch is a job's work on one generation; of each shard that it finished, the ledger has a row.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Select,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

VERSION = {"version": 3}
"""Of the tables; a store of another one can't be opened, and is filled anew."""
APPENDED = 2**62
"""Generation of appended rows: they sort after the base."""
EMPTY_GENERATION = 1
ALL_ITEMS = 2**62
REPLACED = b""
"""Item hash of the row that says: what was appended or taken in before it, counts no more."""

CATALOG = MetaData(info=VERSION)
SETTINGS = Table(
    "settings",
    CATALOG,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
NAMESPACES = Table(
    "namespaces",
    CATALOG,
    Column("namespace_id", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("current_generation", BigInteger, nullable=False, default=EMPTY_GENERATION),
    Column("previous_generation", BigInteger),
    Column("pruned_generation", BigInteger, nullable=False, default=EMPTY_GENERATION),
    Column("last_generation", BigInteger, nullable=False, default=EMPTY_GENERATION),
    UniqueConstraint("tenant", "fingerprint"),
)
BATCHES = Table(
    "batches",
    CATALOG,
    Column("namespace_id", Integer, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("job", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("base_generation", BigInteger, nullable=False),
)
WATERMARKS = Table(
    "watermarks",
    CATALOG,
    Column("namespace_id", Integer, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("shard", SmallInteger, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)

SHARD = MetaData(info=VERSION)
SHARDS = Table(
    "shards",
    SHARD,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
)
LEDGER = Table(
    "ledger",
    SHARD,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("namespace_id", Integer, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("users", "items_in", "carried", "refused", "erased", "stored", "encoded")
    ),
    Column("seconds", Float, nullable=False),
    Column("checksum", Text, nullable=False),
)
ITEMS = Table(
    "items",
    SHARD,
    Column("shard", SmallInteger),
    Column("user_hash", LargeBinary),
    Column("namespace_id", Integer),
    Column("generation", BigInteger),
    Column("sequence", BigInteger),
    Column("item_hash", LargeBinary, nullable=False),
    Column("persona", LargeBinary, nullable=False),
    Column("contents", LargeBinary, nullable=False),
    PrimaryKeyConstraint("shard", "user_hash", "namespace_id", "generation", "sequence"),
    sqlite_with_rowid=False,  # a user's rows lie side by side
    postgresql_partition_by="LIST (shard)",
)
# A literal: a parameter that a partial index may turn on makes SQLite prepare anew for each value.
IS_APPENDED = ITEMS.c.generation == literal_column(str(APPENDED))
Index("appended", ITEMS.c.sequence, sqlite_where=IS_APPENDED, postgresql_where=IS_APPENDED)

_NAMESPACE: BindParameter[int] = bindparam("namespace_id")
_CURRENT = (
    select(NAMESPACES.c.current_generation)
    .where(NAMESPACES.c.namespace_id == _NAMESPACE)
    .scalar_subquery()
)
_WATERMARK = func.coalesce(
    select(WATERMARKS.c.sequence)
    .where(
        WATERMARKS.c.namespace_id == _NAMESPACE,
        WATERMARKS.c.generation == _CURRENT,
        WATERMARKS.c.shard == bindparam("shard"),
    )
    .scalar_subquery(),
    0,
)
IN_NAMESPACE = (ITEMS.c.shard == bindparam("shard"), ITEMS.c.namespace_id == _NAMESPACE)
IN_BASE = ITEMS.c.generation == _CURRENT
IN_LOG = IS_APPENDED & (ITEMS.c.sequence > _WATERMARK)


def select_served(*columns: Column[Any]) -> Select[Any]:
    """Return the statement for a user's served rows.

    Parameters are `shard`, `namespace_id`, `user_hash`; `max_items`, the number of newest rows
    of the base; and `up_to`, the last appended row that counts. Rows come in no order.

    Args:
        *columns: What to select beside item hash, generation and sequence.
    """
    shown = (ITEMS.c.item_hash, ITEMS.c.generation, ITEMS.c.sequence, *columns)
    of_user = (*IN_NAMESPACE, ITEMS.c.user_hash == bindparam("user_hash"))
    base = (
        select(*shown)
        .where(*of_user, IN_BASE)
        .order_by(ITEMS.c.sequence.desc())
        .limit(bindparam("max_items"))
        .subquery()
    )
    log = select(*shown).where(*of_user, IN_LOG, ITEMS.c.sequence <= bindparam("up_to"))
    return union_all(select(base), log)  # type: ignore[return-value]
