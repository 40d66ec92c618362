"""Look up today's champion and reference of the task in the model registry."""

from typing import Annotated

from zenml import step

from components.promotion.registry_records import Incumbents
from steps.model_registry import open_registry, read_incumbents


# Never cached: it reads the registry. Unchanged incumbents leave the later steps cached.
@step(enable_cache=False)
def find_incumbents(task_name: str) -> Annotated[Incumbents, "incumbents"]:
    """Return who holds the offices of the task."""
    return read_incumbents(open_registry(), task_name)
