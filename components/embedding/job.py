"""The batch job: all shards of one process, then, if it is the last, the flip.

Several processes (the pods of a Kubernetes Indexed Job) share the shards, and one generation: the
first begins it, the others and those that were killed join it, the last publishes it.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.embedding.checked_items import CheckedItems, count_items, read_items
from components.embedding.config import EmbeddingConfig
from components.embedding.dead_letters import write_lines
from components.embedding.embed_shard import Batch, Vectorize, embed_shard
from components.embedding.item_tables import ItemTables
from components.embedding.progress import Progress
from components.embedding.receipt import EmbeddingReceipt
from components.personas.generations import ServedError
from components.personas.store import PersonaStore
from components.tasks.task import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What a batch reads, and which part of it one process does.

    Attributes:
        tables: All items.
        inputs: What tells these tables from others: `tables.identify()`, or a content's hash.
        task: Whose history template makes texts.
        output: Folder of dead letters and receipts, here or where fsspec reaches.
        config: How much at once.
        keep_texts: Whether items keep their input texts.
        is_complete: Whether the tables hold all that is known of every user: then what they lack
            is stored no longer, unless serving appended it. Else it is kept.
        name: Of the run, as that of a Kubernetes Job. By it processes find one another; a named
            run is done once. Without one, a run whose inputs are served already does nothing.
        index: Of this process.
        num_processes: How many there are.
    """

    tables: ItemTables
    inputs: str
    task: Task
    output: str
    config: EmbeddingConfig
    keep_texts: bool
    is_complete: bool = True
    name: str = ""
    index: int = 0
    num_processes: int = 1

    @property
    def content(self) -> str:
        """What all processes of the job share: the same gives the same generation."""
        text = json.dumps([self.inputs, self.keep_texts, self.is_complete])
        return hashlib.sha256((text + self.task.model_dump_json()).encode()).hexdigest()

    def list_shards(self, num_shards: int) -> list[int]:
        """Return the shards of this process.

        Raises:
            ValueError: If there are fewer shards than processes, no process of this index, or
                several without a name.
        """
        if self.num_processes > 1 and not self.name:
            raise ValueError("several processes need the name of their run, to find one another")
        if not 0 <= self.index < self.num_processes <= num_shards:
            raise ValueError(
                f"process {self.index} of {self.num_processes}: allowed are 1 to {num_shards} "
                f"processes, since the store has {num_shards} shards, counted from 0"
            )
        return list(range(self.index, num_shards, self.num_processes))


def embed_users(store: PersonaStore, job: Job, vectorize: Vectorize) -> EmbeddingReceipt:
    """Do one process's part of a batch; the last process lets the new generation be served.

    Args:
        store: Where to write.
        job: What to do.
        vectorize: Makes the vectors of items that changed.

    Returns:
        The receipt, which is also written to the job's output.

    Raises:
        ValueError: If an item table can't be read, too many items are refused, or rows are not
            what was written.
    """
    began = time.monotonic()
    shards = job.list_shards(store.num_shards)
    receipt = EmbeddingReceipt(
        outcome="already_served",
        reason="Nothing is to be done: the store has what this run would make.",
        fingerprint=store.fingerprint,
        generation=store.generations.current(),
        inputs=job.inputs,
    )
    if _is_done(store, job):
        store.generations.finish_pruning()
    else:
        try:
            receipt = _write_generation(store, job, shards, vectorize, receipt)
        except ServedError:
            logger.info("another process with this index was faster")
        else:
            _write_receipt(job, receipt, time.monotonic() - began)
    receipt = receipt.model_copy(update={"seconds": time.monotonic() - began})
    logger.info("%s", receipt.reason)
    return receipt


def _is_done(store: PersonaStore, job: Job) -> bool:
    """Return whether the job has nothing to do.

    A named run is done once, also if another one was published since. One without a name is done as
    long as its inputs are served, nothing was appended, and nobody was erased, who may come back.
    """
    generations, current = store.generations, store.generations.current()
    if job.name:
        found = generations.find(job.name)
        return found is not None and found <= current
    if generations.inputs(current) != job.content:
        return False
    nobody_was_erased = not any(tally.erased for tally in generations.tallies(current))
    return nobody_was_erased and generations.watermarks(current) == store.watermarks()


def _begin(store: PersonaStore, job: Job) -> int:
    # Without a name a run goes on with what it has begun, unless something was published since.
    name = job.name or f"after generation {store.generations.current()}: {job.content}"
    return store.generations.begin(job=name, inputs=job.content)


def _write_receipt(job: Job, receipt: EmbeddingReceipt, seconds: float) -> None:
    name = f"receipt-{receipt.generation:06}-{job.index:04}.jsonl"
    write_lines(job.output, name, [receipt.model_copy(update={"seconds": seconds})])


def _write_generation(
    store: PersonaStore,
    job: Job,
    shards: Sequence[int],
    vectorize: Vectorize,
    receipt: EmbeddingReceipt,
) -> EmbeddingReceipt:
    counts_S = count_items(job.tables, store.num_shards)
    if not counts_S.sum():
        raise ValueError(
            f"{', '.join(file.name for file in job.tables.files)}: there are no items; a "
            "generation without users is not published"
        )
    generation = _begin(store, job)
    progress = Progress(int(counts_S[shards].sum()))
    watermarks = store.generations.watermarks(generation)
    batch = Batch(
        store,
        generation,
        watermarks,
        vectorize,
        job.config,
        job.keep_texts,
        job.is_complete,
        progress,
    )
    name = f"dead_letters-{generation:06}-{job.index:04}.jsonl"
    finished = {tally.shard: tally for tally in store.generations.tallies(generation)}
    letters, tallies = [], []
    for part in plan_passes(shards, counts_S, job.config.items_per_pass):
        items = read_items(job.tables, part, store.num_shards, job.task)
        letters += [letter for _, letter in items.letters]
        _refuse_too_many(items, job, write_lines(job.output, name, letters))
        for shard in part:
            if shard in finished:  # by a try that was killed later
                progress.advance(int(counts_S[shard]), 0)
            else:
                refused = items.count_refused(shard)
                finished[shard] = embed_shard(batch, shard, items.of_shard(shard), refused)
            tallies.append(finished[shard])
    progress.close()
    written = {"generation": generation, "dead_letters": name}
    receipt = receipt.model_copy(update=written).add(tallies)
    return _publish(store, generation, receipt)


def plan_passes(
    shards: Sequence[int], counts_S: NDArray[np.int64], most: int
) -> Iterator[list[int]]:
    """Yield shards that are read together: of at most so many items, or one shard."""
    part: list[int] = []
    for shard in shards:
        if part and counts_S[[*part, shard]].sum() > most:
            yield part
            part = []
        part.append(shard)
    if part:
        yield part


def _refuse_too_many(items: CheckedItems, job: Job, dead_letters: str) -> None:
    refused, kept = len(items.letters), len(items.table)
    if refused > job.config.max_refused_share * (refused + kept):
        first = items.letters[0][1]
        raise ValueError(
            f"{refused} of {refused + kept} items can't be stored, more than "
            f"embedding.max_refused_share ({job.config.max_refused_share}) allows; the first is "
            f"{first.file}, row {first.row}, field {first.field!r}: {first.reason}; all are in "
            f"{dead_letters}"
        )


def _publish(store: PersonaStore, generation: int, receipt: EmbeddingReceipt) -> EmbeddingReceipt:
    """Let the generation be served if all its shards are finished."""
    tallies = store.generations.tallies(generation)
    if len(tallies) < store.num_shards:
        reason = (
            f"{len(receipt.shards)} shards of generation {generation} are finished; "
            f"{store.num_shards - len(tallies)} are still to come."
        )
        return receipt.model_copy(update={"outcome": "shards_finished", "reason": reason})
    store.generations.publish(generation)
    receipt = receipt.add(tallies)
    reason = (
        f"Generation {generation} is served: {receipt.stored:,} items of {receipt.users:,} users, "
        f"{receipt.encoded:,} of them with new vectors; {receipt.refused:,} were refused, "
        f"{receipt.erased:,} are of erased users."
    )
    return receipt.model_copy(update={"outcome": "published", "reason": reason})
