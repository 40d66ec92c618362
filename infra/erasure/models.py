"""Registered models that a user trained, by the keyed hashes that were logged with them."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from infra.erasure.traces import Trace
from steps.model_registry import TRAINED_USERS, llm_model_name

KEPT = "the next retraining excludes her"
TRAINED_PARTS = {"llm": "LLM", "user_embedder": "user embedder"}
LLM_PREFIX = llm_model_name("")


@dataclass(frozen=True)
class Registry:
    """Which registered models a user trained."""

    traces: list[Trace]
    by_content: dict[str, bool]
    """By an LLM's content hash, or a user embedder's weights hash: whether she trained it."""


def scan_registry(client: MlflowClient, user_hash: str) -> Registry:
    """Look a user up in what was logged with every model, registered or not."""
    versions = defaultdict(list)
    for version in _list_all(client.search_model_versions):
        versions[version.run_id].append(version)
    aliases = _list_aliases(client)
    registry = Registry([], {})
    for run in list_runs(client):
        parts = _read_parts(client, run, user_hash)
        if parts is None:
            continue
        for version in versions[run.info.run_id]:
            known = parts & {"llm"} if version.name.startswith(LLM_PREFIX) else parts
            registry.by_content.update(dict.fromkeys(_hashes_of(version), bool(known)))
            if known:
                held = aliases[version.name, str(version.version)]
                registry.traces.append(_trace_version(version, known, held))
        if parts and not versions[run.info.run_id]:
            registry.traces.append(_trace_run(run, parts))
    return registry


def list_runs(client: MlflowClient) -> Iterator[Run]:
    """Yield the runs of all experiments."""
    for experiment in _list_all(client.search_experiments):
        yield from _list_all(client.search_runs, experiment_ids=[experiment.experiment_id])


def _list_all(search: Callable[..., Any], **query: Any) -> Iterator[Any]:
    page = search(**query)
    yield from page
    while page.token:
        page = search(**query, page_token=page.token)
        yield from page


def _list_aliases(client: MlflowClient) -> dict[tuple[str, str], list[str]]:
    """Return the aliases of each model's version."""
    aliases = defaultdict(list)
    for model in _list_all(client.search_registered_models):
        for alias, number in sorted(model.aliases.items()):
            aliases[model.name, str(number)].append(alias)
    return aliases


def _read_parts(client: MlflowClient, run: Run, user_hash: str) -> set[str] | None:
    """Return what a user's questions trained in a run; None for a run that trained nothing."""
    if TRAINED_USERS not in {file.path for file in client.list_artifacts(run.info.run_id)}:
        return None
    with TemporaryDirectory() as directory:
        path = Path(client.download_artifacts(run.info.run_id, TRAINED_USERS, directory))
        rows = pq.read_table(path, filters=[("user_hash", "=", user_hash)])
    return set(rows["trained"].to_pylist())


def _hashes_of(version: ModelVersion) -> list[str]:
    tags = (version.tags.get(name) for name in ("content_hash", "weights_hash"))
    return [tag for tag in tags if tag]


def _trace_version(version: ModelVersion, parts: set[str], aliases: list[str]) -> Trace:
    offices = f" ({', '.join(aliases)})" if aliases else ""
    return Trace(
        what=f"model {version.name}, version {version.version}{offices}",
        where=f"models:/{version.name}/{version.version}",
        since=to_time(version.creation_timestamp),
        why=_say_trained(parts),
        kept=KEPT,
    )


def _trace_run(run: Run, parts: set[str]) -> Trace:
    return Trace(
        what=f"MLflow run {run.info.run_name}, not registered",
        where=str(run.info.artifact_uri),
        since=to_time(run.info.start_time),
        why=_say_trained(parts),
        kept=KEPT,
    )


def _say_trained(parts: set[str]) -> str:
    trained = " and ".join(TRAINED_PARTS[part] for part in sorted(parts))
    return f"her questions trained its {trained} ({TRAINED_USERS})"


def to_time(milliseconds: int) -> datetime:
    """Return one of MLflow's times."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
