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
    "sqlalchemy",
    "zenml",
    # Of this repository, what trains, evaluates and decides.
    "components.evaluation",
    "components.histories.tables",
    "components.lineage",
    "components.llm.prepare",
    "components.llm.warm_models",
    "components.llm.warm_start",
    "components.optimization.fit",
    "components.personas",
    "components.promotion",
    "components.reporting",
    "components.retrieval",
    "components.training",
    "components.validation",
    "infra",
    "pipelines",
    "steps",
)
NOT_BY_US = ("datasets", "pandas", "peft", "pyarrow", "scipy", "sklearn")
"""sentence_transformers imports these itself where they are installed; this code must not."""


def find_foreign_modules(modules: Iterable[str], *, is_loaded: bool) -> set[str]:
    """Return which imported modules serving must not need.

    Args:
        modules: Names of all that is imported.
        is_loaded: Whether a model, and so sentence_transformers, was loaded before.
    """
    unwanted = NEVER if is_loaded else NEVER + NOT_BY_US
    names = set(modules)
    return {name for name in unwanted if name in names}
