"""Read users' histories from where they come from."""

from typing import Annotated

from zenml import step

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.tables import Histories
from components.tasks.task import Task
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory


# Never cached: it reads the outside world. The same bytes leave the later steps cached.
@step(enable_cache=False, output_materializers=FolderMaterializer)
def load_histories(data: DataConfig, task: Task, seed: int) -> Annotated[Histories, "histories"]:
    """Read the histories and make the splits' questions."""
    return read_histories(data, task, seed, make_scratch_directory() / "histories")
