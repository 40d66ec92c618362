"""What serving must not need: the one list of it, with the reasons."""

from collections.abc import Iterable

NEVER = (
    # The pipeline, the registry, validation, reports, raw data: a server has none of them.
    "bm25s",
    "great_expectations",
    "ijson",
    "matplotlib",
    "mlflow",
    "rouge_score",
    "zenml",
    # Of this repository, what trains, evaluates and decides.
    "components.evaluation",
    "components.histories.tables",
    "components.lineage",
    "components.llm.prepare",
    "components.llm.warm_models",
    "components.llm.warm_start",
    "components.optimization.fit",
    "components.promotion",
    "components.reporting",
    "components.retrieval",
    "components.training",
    "components.validation",
    "infra",
    "pipelines",
    "steps",
)
BY_THE_GATEWAY = ("components.personas", "sqlalchemy")
"""A server reads the persona store by these; a model by itself is given vectors."""
NOT_BY_US = ("datasets", "pandas", "peft", "pyarrow", "scipy", "sklearn")
"""sentence_transformers imports these itself where they are installed; this code must not."""


def find_foreign_modules(
    modules: Iterable[str], *, is_loaded: bool, has_store: bool = False
) -> set[str]:
    """Return which imported modules serving must not need.

    Args:
        modules: Names of all that is imported.
        is_loaded: Whether a model, and so sentence_transformers, was loaded before.
        has_store: Whether this is a whole server, and not a model by itself.
    """
    allowed = {*(BY_THE_GATEWAY if has_store else ()), *(NOT_BY_US if is_loaded else ())}
    unwanted = {*NEVER, *BY_THE_GATEWAY, *NOT_BY_US} - allowed
    return unwanted & set(modules)
