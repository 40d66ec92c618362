"""The persona store of all users, brought up to date without a training: wiring only."""

from functools import partial

from components.embedding.config import EmbeddingConfig
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import resolve_encoder
from components.histories.config import DataConfig
from components.personas.config import PersonaStoreConfig
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice
from components.validation.config import ValidationConfig
from components.validation.tombstones import resolve_tombstones
from pipelines.readable_errors import readable_pipeline
from pipelines.train_persona import train_persona
from steps.fill_persona_store import fill_persona_store
from steps.load_histories import load_histories
from steps.tombstone_file import refresh_tombstones
from steps.validate_histories import validate_histories


@partial(readable_pipeline, reads_yaml_of=train_persona)
def embed_users(
    task: TaskChoice = LAMP_2,
    data: DataConfig = DataConfig(),
    validation: ValidationConfig = ValidationConfig(),
    encoder: EncoderConfig = EncoderConfig(),
    personas: PersonaStoreConfig = PersonaStoreConfig(),
    embedding: EmbeddingConfig = EmbeddingConfig(),
    seed: int = 0,
) -> None:
    """Encode what is new in all users' histories, and let serving read it.

    It reads the YAML of a training, and passes over what has no place here. Users with few events,
    whom a training leaves out, are stored too.

    Args:
        task: Whose history template makes the items' texts.
        data: Where the histories come from.
        validation: What sound histories are.
        encoder: The history encoder.
        personas: The persona store.
        embedding: How much at once.
        seed: Of the simulator.
    """
    encoder = resolve_encoder(encoder)
    data = data.of_all_users()
    validation = resolve_tombstones(validation, refresh_tombstones())
    raw = load_histories(data, task, personas, validation, seed)
    histories, _ = validate_histories(raw, task, validation, False, "train")
    fill_persona_store(histories, task, encoder, personas, embedding, data.is_complete)


# Users' texts never become pictures in ZenML's store.
embed_users.configure(enable_artifact_visualization=False)
