"""Look up today's champion of the task in the model registry."""

from typing import Annotated

from zenml import step

from components.promotion.registry_records import Champion
from steps.model_registry import open_registry, read_champion


# Never cached: it reads the registry. An unchanged champion leaves the later steps cached.
@step(enable_cache=False)
def find_champion(task_name: str) -> Annotated[Champion, "champion"]:
    """Return the champion of the task, or an empty record."""
    return read_champion(open_registry(), task_name)
