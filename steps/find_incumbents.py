"""Look up today's champion and reference of the task in the model registry."""

from typing import Annotated

from zenml import step

from components.promotion.registry_records import Incumbents
from components.validation.config import ValidationConfig
from steps.erased_users import find_erased
from steps.model_registry import open_registry, read_incumbents


# Never cached: it reads the registry. Unchanged incumbents leave the later steps cached.
@step(enable_cache=False)
def find_incumbents(
    task_name: str, validation: ValidationConfig
) -> Annotated[Incumbents, "incumbents"]:
    """Return who holds the offices of the task, and whether their LLM knows an erased user."""
    erased = find_erased(validation)
    return read_incumbents(open_registry(), task_name, erased)
