r"""The batch job as a command, for a Kubernetes Indexed Job or a shell.

    python -m components.embedding s3://bucket/items/*.parquet \
        --config configs/critic_score.yaml --custody state/custody \
        --user-hash-key state/user_hash.key --output state/embedding

encodes what changed and publishes a generation of the persona store that the run's YAML
(`personas.place`) or PERSONA_PLUG_STORE names. Of several processes each takes `--index`
(JOB_COMPLETION_INDEX) of `--of`; the last one publishes. Started again it goes on where it was
killed. Exit code: 0 if all went well, 1 if not.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from components.config import Config
from components.embedding.config import EmbeddingConfig
from components.embedding.encoder_vectors import EncoderVectors
from components.embedding.item_tables import ItemTables
from components.embedding.job import Job, embed_users
from components.embedding.receipt import EmbeddingReceipt
from components.encoders.config import EncoderConfig
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.store import PersonaStore
from components.run_yaml import read_sections
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice
from components.user_hash import load_key

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


class EmbeddingSettings(Config):
    """What of a run's YAML a batch needs."""

    task: TaskChoice = Field(LAMP_2, description="Whose history template makes texts.")
    encoder: EncoderConfig = Field(EncoderConfig(), description="The frozen history encoder.")
    personas: PersonaStoreConfig = Field(PersonaStoreConfig(), description="The store.")
    embedding: EmbeddingConfig = Field(EmbeddingConfig(), description="How much at once.")


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    given = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        receipt = run(given)
    except (ValueError, OSError, SQLAlchemyError) as err:
        sys.exit(str(err))
    sys.stdout.write(receipt.model_dump_json() + "\n")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.embedding", description=__doc__.split("\n")[0]
    )
    parser.add_argument("items", nargs="+", help="item tables: .parquet, .arrow, here or s3://...")
    parser.add_argument("--config", type=Path, help="a run's YAML; the quickstart if not given")
    parser.add_argument("--custody", type=Path, required=True, help="keys and receipts")
    parser.add_argument("--user-hash-key", type=Path, required=True, help="state/user_hash.key")
    parser.add_argument("--output", required=True, help="folder of dead letters and receipts")
    parser.add_argument("--name", default="", help="of the run, the same for all its processes")
    parser.add_argument("--of", type=int, default=1, help="number of processes")
    index = int(os.environ.get(INDEX_VARIABLE, "0"))
    parser.add_argument("--index", type=int, default=index, help=f"this one; {INDEX_VARIABLE}")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the tables lack some of what is known: what is stored and not in them is kept",
    )
    return parser.parse_args(arguments)


def run(given: argparse.Namespace) -> EmbeddingReceipt:
    """Do this process's part.

    Raises:
        ValueError: If the settings or an item table are wrong, or as `embed_users`.
    """
    settings = EmbeddingSettings()
    if given.config:
        settings = read_sections(given.config, EmbeddingSettings)
    tables = ItemTables.find(given.items)
    job = Job(
        tables=tables,
        inputs=tables.identify(),
        task=settings.task,
        output=given.output,
        config=settings.embedding,
        keep_texts=settings.personas.keep_texts,
        is_complete=not given.partial,
        name=given.name,
        index=given.index,
        num_processes=given.of,
    )
    vectors = EncoderVectors(settings.encoder, settings.task.item_template)
    custody = open_custody(given.custody, load_key(given.user_hash_key))
    place = settings.personas.locate(Path.cwd())
    with PersonaStore.open(
        place, custody, vectors.fingerprint, vectors.dim, settings.personas
    ) as store:
        return embed_users(store, job, vectors)


if __name__ == "__main__":
    main()
