"""Reading users' histories from whichever source is configured, into the two tables."""

import logging
import tempfile
from pathlib import Path

from components.histories.config import DataConfig, LampConfig
from components.histories.interactions import read_interactions
from components.histories.lamp import read_lamp
from components.histories.tables import SPLITS, Histories, HistoryRows, write_histories
from components.tasks.task import Task

logger = logging.getLogger(__name__)


def read_histories(config: DataConfig, task: Task, seed: int, directory: Path) -> Histories:
    """Read the source and write its tables to a new directory.

    Args:
        config: The source.
        task: What the items and questions mean.
        seed: Of the simulator; splits by user and samples of questions have `config.split_seed`.
        directory: Not there yet, or empty; it appears complete or not at all.

    Raises:
        ValueError: If the source is bad; names file, row and field.
    """
    rows = _read_rows(config, task, seed)
    for split in SPLITS:
        questions = [row for row in rows.questions if row["split"] == split]
        num_users = len({row["user_id"] for row in questions})
        num_cold = sum(not row["history"] for row in questions)
        logger.info(
            "%s: %d questions of %d users, %d without history",
            *(split, len(questions), num_users, num_cold),
        )
    num_owners = len({row["user_id"] for row in rows.items})
    logger.info("%d history items of %d users", len(rows.items), num_owners)
    return write_histories(directory, rows.item_table(), rows.question_table(), rows.limits)


def _read_rows(config: DataConfig, task: Task, seed: int) -> HistoryRows:
    if config.source == "interactions":
        assert config.interactions is not None  # DataConfig has checked it
        return read_interactions(config.interactions, task, config.split_seed)
    if config.source == "lamp":
        assert config.lamp is not None
        return read_lamp(config.lamp, task, config.split_seed)
    # Imported here: real histories need nothing of the simulator.
    from components.histories.simulator import simulate

    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate(config.simulator, task, seed, Path(folder))
        return read_lamp(LampConfig(folder=simulated), task, config.split_seed)
