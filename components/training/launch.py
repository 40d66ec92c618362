"""Train in several processes, one a GPU of this machine, that share each step's questions.

    python -m components.training.launch JOB

runs one of them, and is started by `torchrun`, never by people. The figures of such a training are
told when it is over.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.optimization.fit import count_processes, is_first_process
from components.optimization.sigterm import on_sigterm
from components.training.train import (
    UNRECORDED,
    Artifacts,
    Recipe,
    TrainedArms,
    TrainingRecord,
    name_figures,
    train_all_arms,
)

ROOT = Path(__file__).resolve().parents[2]


class Job(BaseModel):
    """What each process is told: all that `train_all_arms` takes."""

    histories: Histories
    vectors: BehaviorVectors
    llm: LLMFolder
    recipe: Recipe
    arms: list[str]
    directory: Path
    code: str

    def run(self) -> None:
        """Train; what the first process writes is what comes of it."""
        artifacts = Artifacts(self.histories, self.vectors, self.llm)
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        with tempfile.TemporaryDirectory() as unread:
            directory = self.directory if is_first_process() else Path(unread)
            record = TrainingRecord(self.code)
            train_all_arms(artifacts, self.recipe, self.arms, directory, record)


def train(
    artifacts: Artifacts,
    recipe: Recipe,
    arms: Sequence[str],
    directory: Path,
    record: TrainingRecord = UNRECORDED,
) -> TrainedArms:
    """Train every arm, as `train_all_arms` does, in as many processes as the recipe says.

    Raises:
        RuntimeError: If one of several processes failed; its own error stands above it in the log.
    """
    num_processes = recipe.training.num_processes
    if num_processes == 1:
        return train_all_arms(artifacts, recipe, arms, directory, record)
    job = Job(
        histories=artifacts.histories,
        vectors=artifacts.vectors,
        llm=artifacts.llm,
        recipe=recipe,
        arms=list(arms),
        directory=directory,
        code=record.code,
    )
    file = directory.with_name(f"{directory.name}.job.json")
    file.write_text(job.model_dump_json(), encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    command = [sys.executable, *launcher, "-m", "components.training.launch", str(file)]
    # Those who train save and end when this process is told to.
    with subprocess.Popen(command, cwd=ROOT) as processes, on_sigterm(processes.terminate):
        status = processes.wait()
    file.unlink()
    if status:
        raise RuntimeError(f"training in {num_processes} processes failed: exit status {status}")
    trained = TrainedArms.at(directory)
    tell_curves(trained, record)
    return trained


def tell_curves(trained: TrainedArms, record: TrainingRecord) -> None:
    """Tell the figures of trainings that ran in other processes."""
    for arm in trained.names():
        log_metrics = name_figures(record, arm).log_metrics
        if log_metrics is None:
            return
        for point in trained.arm(arm).curve():
            figures = {name: v for name, v in point.items() if name not in ("step", "epoch")}
            log_metrics(figures, int(point["step"]))


if __name__ == "__main__":
    assert count_processes() > 1, "torchrun starts this"
    Job.model_validate_json(Path(sys.argv[1]).read_bytes()).run()
