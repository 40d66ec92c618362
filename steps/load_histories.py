"""Read users' histories from where they come from."""

from typing import Annotated

from zenml import step

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.tables import Histories
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.exclusion import leave_out_erased
from components.validation.tombstones import find_erased_users
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory
from steps.user_hash_key import KEY_FILE


# Never cached: it reads the outside world. The same bytes leave the later steps cached.
@step(enable_cache=False, output_materializers=FolderMaterializer)
def load_histories(
    data: DataConfig, task: Task, seed: int, validation: ValidationConfig
) -> Annotated[Histories, "histories"]:
    """Read the histories and make the splits' questions; nothing of erased users is stored."""
    directory = make_scratch_directory()
    histories = read_histories(data, task, seed, directory / "histories")
    erased = find_erased_users(validation, KEY_FILE)
    return histories if erased is None else leave_out_erased(histories, erased, directory / "left")
