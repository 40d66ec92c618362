"""Look up which version is champion of a task, to deploy it."""

from typing import Annotated

from zenml import step

from components.promotion.registry_records import Promotion
from steps.model_registry import CHAMPION, find_by_alias, model_name, open_registry


# Never cached: it reads the registry.
@step(enable_cache=False)
def find_champion(task_name: str) -> Annotated[Promotion, "champion"]:
    """Return the task's champion.

    Raises:
        ValueError: If there is none yet.
    """
    name = model_name(task_name)
    found = find_by_alias(open_registry(), name, CHAMPION)
    if found is None:
        raise ValueError(f"{name} has no champion in the registry: train and promote one first")
    return Promotion(promoted=True, model_name=name, version=str(found.version))
