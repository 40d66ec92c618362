"""Reading users' histories from whichever source is configured, into the two tables."""

import logging
import tempfile
from pathlib import Path

import pyarrow.compute as pc

from components.histories.config import DataConfig, LampConfig
from components.histories.events import StoredEvents
from components.histories.interactions import read_interactions, read_stored_events
from components.histories.lamp import read_lamp
from components.histories.tables import SPLITS, Histories
from components.tasks.task import Task

logger = logging.getLogger(__name__)


def read_histories(
    config: DataConfig,
    task: Task,
    seed: int,
    directory: Path,
    stored: StoredEvents | None = None,
) -> Histories:
    """Read the source and write its tables to a new directory.

    Args:
        config: The source.
        task: What the items and questions mean.
        seed: Of the simulator; splits by user and samples of questions have `config.split_seed`.
        directory: Not there yet, or empty; it appears complete or not at all.
        stored: What the persona store holds, where it is the source.

    Raises:
        ValueError: If the source is bad; names file, row and field.
    """
    histories = _read_source(config, task, seed, directory, stored)
    items, questions = (
        dataset.with_format("arrow")[:] for dataset in (histories.items, histories.questions)
    )
    for split in SPLITS:
        part = questions.filter(pc.equal(questions["split"], split))
        is_cold = pc.equal(pc.list_value_length(part["history"]), 0)
        logger.info(
            "%s: %d questions of %d users, %d without history",
            *(split, len(part), len(part["user_id"].unique()), pc.sum(is_cold).as_py() or 0),
        )
    num_owners = len(items["user_id"].unique())
    logger.info("%d history items of %d users", len(items), num_owners)
    return histories


def _read_source(
    config: DataConfig, task: Task, seed: int, directory: Path, stored: StoredEvents | None
) -> Histories:
    if config.source == "store":
        if stored is None:
            raise ValueError(
                "data.source is 'store', which only a run of the pipeline opens; export it to a "
                "file first: python -m components.personas.export"
            )
        return read_stored_events(config.store, stored, task, config.split_seed, directory)
    if config.source == "interactions":
        assert config.interactions is not None  # DataConfig has checked it
        return read_interactions(config.interactions, task, config.split_seed, directory)
    if config.source == "lamp":
        assert config.lamp is not None
        return read_lamp(config.lamp, task, config.split_seed, directory)
    # Imported here: real histories need nothing of the simulator.
    from components.histories.simulator import simulate

    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate(config.simulator, task, seed, Path(folder))
        return read_lamp(LampConfig(folder=simulated), task, config.split_seed, directory)
