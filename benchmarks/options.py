"""Each option of the user embedder on one configuration's data, chosen on dev, test opened once.

    python -m benchmarks.options --config configs/critic_notation.yaml --folder F --json

trains persona once a seed under each option, with the same histories, LLM, steps and questions;
an option differs from the configuration in nothing but what `OPTIONS` says. Options are compared by
their dev loss (mean cross-entropy per answer token). Test is asked at the end, of the
configuration as it is, of the option with the least dev loss, and of the paper's. The last line is
one JSON object: `options`, `best`, `test` (by seed), and what they were measured on. `--folder`
keeps what was trained, and a later call goes on from there.
"""

import argparse
import json
import logging
import shutil
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.arms import prepare_artifacts, read_settings, train_arms
from benchmarks.commit import name_commit
from components.encoders.sentence_encoder import resolve_encoder
from components.evaluation.arms import answer_all_arms
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.measure import measure
from components.evaluation.summarize import summarize
from components.llm.prepare import resolve_llm
from components.training.config import SEED_PREFIX
from components.training.train import Artifacts, Recipe, TrainedArms

logger = logging.getLogger(__name__)

AS_IS, PAPER = "as_is", "paper"

OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    AS_IS: {},
    "persona_tokens_2": {"embedder": {"num_persona_tokens": 2}},
    "persona_tokens_4": {"embedder": {"num_persona_tokens": 4}},
    "temperature_none": {"embedder": {"temperature": None}},
    "temperature_fixed": {"embedder": {"temperature": 0.1}},
    "temperature_learned": {"embedder": {"learns_temperature": True}},
    "times_ignored": {"embedder": {"has_recency": False}},
    "encoder_shared": {"embedder": {"input_encoder": "shared"}},
    "encoder_lora": {"embedder": {"input_encoder": "lora"}},
    "outputs_hidden": {"task": {"show_outputs": False}},
    PAPER: {
        "task": {"show_outputs": False},
        "embedder": {"temperature": None, "has_recency": False},
        "training": {"alignment": {"num_steps": 0}, "empty_rate": 0.0},
    },
}
"""What differs from the configuration. The paper's keeps the configuration's number of steps."""


def change_settings(settings: Any, changes: dict[str, dict[str, Any]]) -> Any:
    """Return the settings with some fields of some parts replaced, and checked again.

    Raises:
        pydantic.ValidationError: If a part cannot be so.
    """
    parts = {}
    for name, fields in changes.items():
        part = getattr(settings, name)
        parts[name] = type(part).model_validate(merge(part.model_dump(), fields))
    return settings.model_copy(update=parts)


def merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return nested values with some replaced.

    Example:
        >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
        {'a': {'b': 3, 'c': 2}}
    """
    merged = dict(values)
    for name, change in changes.items():
        merged[name] = merge(values[name], change) if isinstance(change, dict) else change
    return merged


def read_artifacts(settings: Any, shared: Artifacts, folder: Path) -> Artifacts:
    """Return what an option trains on: all is shared, unless the history's texts differ."""
    if settings.task.show_outputs:
        return shared
    plain = folder / "outputs_hidden"
    if not (plain / "llm").exists():
        plain.mkdir(exist_ok=True)
        shutil.copytree(shared.llm.path, plain / "llm")
    return prepare_artifacts(settings, plain)


def list_seeds(num_seeds: int) -> list[str]:
    """Return the arms that are persona at each seed."""
    return ["persona", *(f"{SEED_PREFIX}{offset}" for offset in range(1, num_seeds))]


def train_option(
    settings: Any, artifacts: Artifacts, num_seeds: int, folder: Path
) -> tuple[TrainedArms, dict[str, Any]]:
    """Train persona under an option, once a seed; returns the arms and their dev losses."""
    recipe = Recipe(
        **{
            name: getattr(settings, name)
            for name in ("task", "encoder", "llm", "retrieval", "embedder", "training", "seed")
        }
    )
    began = time.monotonic()
    trained = train_arms(artifacts, recipe, list_seeds(num_seeds), folder)
    losses = [trained.arm(name).curve()[-1]["dev_loss"] for name in list_seeds(num_seeds)]
    spread = stdev(losses) if num_seeds > 1 else None
    return trained, {
        "dev_loss": mean(losses),
        "dev_loss_spread": spread,
        "dev_losses": losses,
        "seconds": time.monotonic() - began,
    }


def open_test(
    settings: Any, artifacts: Artifacts, trained: TrainedArms, num_seeds: int
) -> dict[str, list[float]]:
    """Return the primary metric of every seed with its 95 % interval over users."""
    update = {"arms": ("persona",), "history_cuts": (), "num_generated": 0, "num_seeds": num_seeds}
    evaluation = settings.evaluation.model_copy(update={**update, "split": "test"})
    shared = {name: getattr(settings, name) for name in ("task", "encoder", "llm", "retrieval")}
    exam = Exam(artifacts, ExamRecipe(**shared, evaluation=evaluation, seed=settings.seed))
    answers = answer_all_arms(exam, trained)
    limits = artifacts.histories.limits
    evidence = measure(answers, settings.task, limits, evaluation.num_draws, settings.seed)
    found = summarize(evidence, answers, settings.task, "test")
    by_seed = found.seeds or {"candidate": found.arms["persona"]}
    intervals = {seed: figures[found.primary_metric] for seed, figures in by_seed.items()}
    return {seed: [at.mean, at.low, at.high] for seed, at in intervals.items()}


def compare_options(
    settings: Any, names: list[str], num_seeds: int, folder: Path
) -> dict[str, Any]:
    """Train every option, choose on dev, and ask test.

    An option that the configuration has already is left out.
    """
    shared = prepare_artifacts(settings, folder)
    losses: dict[str, dict[str, Any]] = {}
    trained: dict[str, tuple[Any, Artifacts, TrainedArms]] = {}
    (folder / "options").mkdir(exist_ok=True)
    for name in names:
        changed = change_settings(settings, OPTIONS[name])
        if name != AS_IS and changed == settings:
            logger.info("%s: as the configuration is", name)
            continue
        artifacts = read_artifacts(changed, shared, folder)
        arms, losses[name] = train_option(changed, artifacts, num_seeds, folder / "options" / name)
        trained[name] = changed, artifacts, arms
        logger.info("%s: dev loss %s", name, losses[name]["dev_losses"])
    best = min(losses, key=lambda name: losses[name]["dev_loss"])
    opened = [name for name in losses if name in (AS_IS, best, PAPER)]
    test = {name: open_test(*trained[name], num_seeds) for name in opened}
    return {"options": losses, "best": best, "test": test, "metric": settings.task.metrics[0]}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, help="a run's YAML; the quickstart if not given")
    parser.add_argument("--folder", type=Path, help="where to keep what is made, and go on from")
    parser.add_argument("--options", nargs="+", default=list(OPTIONS), choices=OPTIONS)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each option")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings = read_settings(arguments.config)
    made = {"encoder": resolve_encoder(settings.encoder), "llm": resolve_llm(settings.llm)}
    settings = settings.model_copy(update=made)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = compare_options(settings, arguments.options, arguments.seeds, folder)
    for name, figures in result["options"].items():
        print(f"{name:20} dev loss {figures['dev_loss']:.4f}  {figures['dev_losses']}")
    for name, seeds in result["test"].items():
        print(f"{name:20} test {result['metric']}: {seeds}")
    if arguments.json:
        shown = str(arguments.config) if arguments.config else "the pipeline's defaults"
        print(json.dumps({"config": shown, "commit": name_commit(), **result}))


if __name__ == "__main__":
    main()
