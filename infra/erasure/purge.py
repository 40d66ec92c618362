"""Purging: every trace that holds a user's data is removed, each with a receipt of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from zenml.client import Client

from components.personas.receipts import Deletion, ReceiptBook
from infra.erasure.traces import Trace


@dataclass
class Purge:
    """What a purge did."""

    removed: list[Trace] = field(default_factory=list)
    failed: list[tuple[Trace, str]] = field(default_factory=list)
    """What could not be removed, and why not."""


def purge_traces(
    traces: Iterable[Trace], receipts: ReceiptBook, tenant: str, user_hash: str
) -> Purge:
    """Remove what is not kept; what cannot be removed doesn't stop the others.

    First no step is answered from the cache any more that made one of them, or a model that knows
    her: a process that is killed then leaves nothing that ZenML hands on without its data.

    Args:
        traces: In the order in which they go; what others are known by comes last.
        receipts: Gets a receipt for each one, once it is gone.
        tenant: Whose user.
        user_hash: Of the user, as in receipts.
    """
    traces = list(traces)
    expire_cache({trace.producer for trace in traces if trace.producer is not None})
    purge = Purge()
    for trace in traces:
        if trace.remove is None:
            continue
        try:
            num_files = trace.remove()
        except Exception as err:  # whatever a store raises: the others must go all the same
            purge.failed.append((trace, f"{type(err).__name__}: {err}"))
            continue
        purge.removed.append(trace)
        receipts.write(
            "purge",
            tenant=tenant,
            user_hash=user_hash,
            deletions=(Deletion(place=trace.what, rows=max(1, num_files)),),
            key_destroyed=True,
            files_wiped=False,
        )
    return purge


def expire_cache(step_run_ids: Iterable[UUID]) -> None:
    """Let ZenML answer no later run from these step runs."""
    now = datetime.now(UTC).replace(tzinfo=None)  # ZenML's times have no zone
    for step_run_id in step_run_ids:
        Client().update_step_run(step_run_id, cache_expires_at=now)
