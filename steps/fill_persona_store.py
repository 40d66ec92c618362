"""Fill the persona store that serving reads, and keep the receipt in ZenML and MLflow."""

from pathlib import Path
from typing import Annotated

import mlflow
from zenml import step
from zenml.logger import get_logger

from components.embedding.config import EmbeddingConfig
from components.embedding.embed_shard import Vectorize
from components.embedding.encoder_vectors import EncoderVectors
from components.embedding.item_tables import ItemTables
from components.embedding.job import Job, embed_users
from components.embedding.receipt import EmbeddingFolder, EmbeddingReceipt
from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.folder import hash_file
from components.histories.events import StoreWatermark
from components.histories.tables import Histories
from components.personas.config import PersonaStoreConfig
from components.personas.store import PersonaStore
from components.promotion.registry_records import Promotion
from components.tasks.task import Task
from steps.materializers import FolderMaterializer
from steps.persona_store import find_store, use_custody
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)

ITEMS = "items/data.arrow"


# Never cached: it writes outside the artifact store.
@step(
    enable_cache=False,
    experiment_tracker=True,
    output_materializers={"embedding": FolderMaterializer},
)
def fill_persona_store(
    histories: Histories,
    task: Task,
    encoder: EncoderConfig,
    personas: PersonaStoreConfig,
    embedding: EmbeddingConfig,
    is_complete: bool,
    vectors: BehaviorVectors | None = None,
    promotion: Promotion | None = None,
) -> tuple[
    Annotated[EmbeddingReceipt, "embedding_receipt"], Annotated[EmbeddingFolder, "embedding"]
]:
    """Publish a generation with all users' vectors; what has not changed is not encoded again.

    Args:
        histories: Whose items are stored.
        task: Whose history template made their texts.
        encoder: The history encoder.
        personas: The store.
        embedding: How much at once.
        is_complete: Whether the histories hold all that is known of every user.
        vectors: The items' vectors; computed where they are needed if not given.
        promotion: The candidate's, whose refusal leaves the store as it is.

    Returns:
        The receipt; and the folder of receipt and refused items.
    """
    output = make_scratch_directory()
    if promotion is not None and not promotion.promoted:
        reason = f"Version {promotion.version} was refused: the persona store stays as it is."
        receipt = EmbeddingReceipt(outcome="skipped", reason=reason)
    elif is_from_this_store(histories, vectors):
        reason = "The histories came from this store, under the same encoder."
        receipt = EmbeddingReceipt(outcome="skipped", reason=reason)
    else:
        table = histories.path / ITEMS
        job = Job(
            tables=ItemTables.find([str(table)]),
            inputs=hash_file(table),
            task=task,
            output=str(output),
            config=embedding,
            keep_texts=personas.keep_texts,
            is_complete=is_complete,
        )
        receipt = fill(job, encoder, personas, vectors)
    log_receipt(receipt, output)
    return receipt, EmbeddingFolder.at(output)


def is_from_this_store(histories: Histories, vectors: BehaviorVectors | None) -> bool:
    """Return whether the store has these items with these vectors already."""
    watermark = histories.watermark
    if vectors is None or not isinstance(watermark, StoreWatermark):
        return False
    return watermark.fingerprint == vectors.fingerprint


def fill(
    job: Job, encoder: EncoderConfig, personas: PersonaStoreConfig, vectors: BehaviorVectors | None
) -> EmbeddingReceipt:
    """Run the job, with the vectors that are there or by the encoder."""
    vectorize: Vectorize
    if vectors is None:
        vectorize = made = EncoderVectors(encoder, job.task.item_template)
        fingerprint, width = made.fingerprint, made.dim
    else:
        matrix = vectors.open()
        fingerprint, width = vectors.fingerprint, matrix.shape[1]
        vectorize = lambda items: matrix[[item.row for item in items]]  # noqa: E731
    place = find_store(personas)
    if "://" not in place:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
    with (
        use_custody() as custody,
        PersonaStore.open(place, custody, fingerprint, width, personas) as store,
    ):
        return embed_users(store, job, vectorize)


def log_receipt(receipt: EmbeddingReceipt, folder: Path) -> None:
    """Leave the receipt and the refused items in MLflow's run."""
    logger.info("persona store: %s", receipt.reason)
    counts = ("users", "items_in", "carried", "stored", "refused", "erased", "encoded", "seconds")
    mlflow.log_metrics({f"personas/{name}": float(getattr(receipt, name)) for name in counts})
    mlflow.log_dict(receipt.model_dump(mode="json"), "personas/receipt.json")
    mlflow.log_artifacts(str(folder), artifact_path="personas")
