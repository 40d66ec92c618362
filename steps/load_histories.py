"""Read users' histories from where they come from."""

from pathlib import Path
from typing import Annotated

from zenml import log_metadata, step

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.tables import Histories
from components.personas.config import PersonaStoreConfig
from components.personas.source import open_source, read_events
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.exclusion import leave_out_erased
from steps.erased_users import find_erased
from steps.materializers import FolderMaterializer
from steps.persona_store import find_store, use_custody
from steps.scratch import make_scratch_directory


# Never cached: it reads the outside world. The same bytes leave the later steps cached.
@step(enable_cache=False, output_materializers=FolderMaterializer)
def load_histories(
    data: DataConfig,
    task: Task,
    personas: PersonaStoreConfig,
    validation: ValidationConfig,
    seed: int,
) -> Annotated[Histories, "histories"]:
    """Read the histories and make the splits' questions; nothing of erased users is stored."""
    directory = make_scratch_directory()
    histories = read(data, task, personas, seed, directory / "histories")
    if histories.watermark is not None:
        metadata = {"watermark": histories.watermark.summarize()}
        log_metadata(metadata=metadata, infer_artifact=True)
    erased = find_erased(validation)
    return histories if erased is None else leave_out_erased(histories, erased, directory / "left")


def read(
    data: DataConfig, task: Task, personas: PersonaStoreConfig, seed: int, directory: Path
) -> Histories:
    """Read the source; if it is the persona store, the histories keep up to where it was read."""
    if data.source != "store":
        return read_histories(data, task, seed, directory)
    place, fingerprint = find_store(personas), data.store.fingerprint
    with (
        use_custody() as custody,
        open_source(place, custody, personas.tenant, fingerprint) as store,
    ):
        return read_histories(data, task, seed, directory, read_events(store))
