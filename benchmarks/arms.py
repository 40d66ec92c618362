"""Every arm of method section 3 on one configuration's data: what the results tables are made from.

    python -m benchmarks.arms --config configs/critic_notation.yaml --json

walks the pipeline's way from histories to evaluation by its components, without ZenML, MLflow and
promotion, with all arms in place of the configuration's. It prints a table and, as the last line,
one JSON object: `arms` and `differences` (persona minus the other arm) by metric as [value, low,
high], `costs`, and what they were measured on. `--folder` keeps what was made and goes on from
what it finds there, so that an interrupted run is not lost; settings are not compared with those
of earlier calls, so give each configuration a folder of its own. Below it lies, for the benchmark's
own evaluation, `lamp_predictions/<arm>.json` (of several draws the first).
"""

import argparse
import json
import logging
import tempfile
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, create_model

from benchmarks.commit import name_commit
from components.config import Config
from components.encoders.behavior_vectors import BehaviorVectors, encode_histories
from components.encoders.sentence_encoder import resolve_encoder
from components.evaluation.arm_table import build_arms, list_embedders
from components.evaluation.arms import answer_all_arms
from components.evaluation.config import ArmName
from components.evaluation.evaluation import Evaluation, Interval
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.lamp_predictions import write_lamp_predictions
from components.evaluation.measure import measure
from components.evaluation.predictions import Predictions, write_predictions
from components.evaluation.summarize import summarize
from components.folder import write_folder
from components.histories.read import read_histories
from components.histories.splits import require_splits
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.llm.prepare import LLMRecipe, prepare_llm, resolve_llm
from components.training.train import Artifacts, Recipe, TrainedArms, train_all_arms
from components.validation.validate import validate_histories
from pipelines.train_persona import train_persona

logger = logging.getLogger(__name__)

Rows = dict[str, dict[str, list[float]]]

LAMP_PREDICTIONS = "lamp_predictions"


def read_settings(path: Path | None) -> Any:
    """Return a run's YAML over the pipeline's own defaults, one attribute a parameter.

    Raises:
        pydantic.ValidationError: If a parameter is unknown or wrong.
    """
    parameters = signature(train_persona.entrypoint).parameters.values()
    fields: Any = {p.name: (p.annotation, p.default) for p in parameters}
    model: type[BaseModel] = create_model("Settings", __base__=Config, **fields)
    given = yaml.safe_load(path.read_text(encoding="utf-8"))["parameters"] if path else {}
    return model.model_validate(given)


def prepare_artifacts(settings: Any, folder: Path) -> Artifacts:
    """Read and validate the histories, encode them and prepare the LLM; what is there stays."""
    task, seed = settings.task, settings.seed
    sound = folder / "sound"
    if not sound.exists():
        with write_folder(sound) as partial:
            raw = read_histories(settings.data, task, seed, partial / "raw")
            validate_histories(raw, task, settings.validation, partial, False)
    histories = Histories.at(sound / "histories")
    require_splits(histories, settings.evaluation.split)
    if not (folder / "vectors").exists():
        with write_folder(folder / "vectors") as partial:
            texts = list(histories.items["text"])
            encode_histories(texts, task.item_template, settings.encoder, partial)
    if not (folder / "llm").exists():
        recipe = LLMRecipe(task=task, llm=settings.llm, encoder=settings.encoder, seed=seed)
        with write_folder(folder / "llm") as partial:
            prepare_llm(histories, recipe, partial)
    vectors = BehaviorVectors.at(folder / "vectors")
    return Artifacts(histories, vectors, LLMFolder.at(folder / "llm"))


def train_arms(artifacts: Artifacts, recipe: Recipe, arms: list[str], folder: Path) -> TrainedArms:
    """Train every embedder that the arms need and the folder does not have."""
    folder.mkdir(exist_ok=True)
    for arm in arms:
        if not (folder / arm).exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as directory:
                train_all_arms(artifacts, recipe, [arm], Path(directory))
                (Path(directory) / arm).rename(folder / arm)
    return TrainedArms.at(folder)


def evaluate_arms(settings: Any, folder: Path) -> Evaluation:
    """Make what the folder lacks and return the figures of all arms."""
    artifacts = prepare_artifacts(settings, folder)
    shared = {name: getattr(settings, name) for name in ("task", "encoder", "llm", "retrieval")}
    recipe = Recipe(
        **shared, embedder=settings.embedder, training=settings.training, seed=settings.seed
    )
    exam = Exam(artifacts, ExamRecipe(**shared, evaluation=settings.evaluation, seed=settings.seed))
    arms = build_arms(settings.evaluation, settings.retrieval)
    trained = train_arms(artifacts, recipe, list_embedders(arms.values()), folder / "trained")
    if not (folder / "predictions").exists():
        with write_folder(folder / "predictions") as partial:
            write_predictions(partial, answer_all_arms(exam, trained))
    answers = Predictions.at(folder / "predictions").read()
    if not (folder / LAMP_PREDICTIONS).exists():
        write_lamp_predictions(answers.predictions, settings.task.name, folder / LAMP_PREDICTIONS)
    draws, limits = settings.evaluation.num_draws, artifacts.histories.limits
    evidence = measure(answers, settings.task, limits, draws, settings.seed)
    return summarize(evidence, answers, settings.task, settings.evaluation.split)


def show_figures(figures: dict[str, dict[Any, Interval]]) -> Rows:
    """Return [value, low, high] by name and metric, to five digits."""
    return {
        name: {
            metric: [round(end, 5) for end in (interval.mean, interval.low, interval.high)]
            for metric, interval in by_metric.items()
        }
        for name, by_metric in figures.items()
    }


def collect_result(evaluation: Evaluation, config: Path | None) -> dict[str, Any]:
    """Return what the last line says; an arm on a sample of the users has its own entry there."""
    return {
        "config": str(config) if config else "the pipeline's defaults",
        "commit": name_commit(),
        "task": evaluation.task,
        "split": evaluation.split,
        "num_questions": evaluation.num_questions,
        "num_users": evaluation.num_users,
        "metric": evaluation.primary_metric,
        "arms": show_figures(evaluation.arms),
        "differences": show_figures(evaluation.differences),
        "gap_closed": show_figures({"persona": dict(evaluation.gap_closed)}),
        "samples": {
            arm: {"num_users": sample.num_users, "arms": show_figures(sample.arms)}
            for arm, sample in evaluation.samples.items()
        },
        "slices": {
            name: show_figures({"persona": part.arms["persona"]})["persona"]
            for name, part in evaluation.slices.items()
            if "persona" in part.arms
        },
        "costs": {arm: cost.model_dump() for arm, cost in evaluation.costs.items()},
        "notes": evaluation.notes,
    }


def print_table(result: dict[str, Any]) -> None:
    """Print the primary metric of every arm."""
    metric = result["metric"]
    print(
        f"{result['task']}, {result['split']}: {result['num_questions']} questions of "
        f"{result['num_users']} users, {metric} with 95 % intervals by users"
    )
    for arm, figures in result["arms"].items():
        value, low, high = figures[metric]
        against = result["differences"].get(f"persona_vs_{arm}")
        minus = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*against[metric]) if against else ""
        print(f"{arm:20} {value:7.4f} [{low:.4f}, {high:.4f}]  persona minus it {minus}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, help="a run's YAML; the quickstart if not given")
    parser.add_argument("--folder", type=Path, help="where to keep what is made, and go on from")
    parser.add_argument("--arms", nargs="+", default=get_args(ArmName), help="all if not given")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = read_settings(arguments.config)
    evaluation = settings.evaluation.model_dump() | {"arms": tuple(arguments.arms)}
    settings = settings.model_copy(
        update={
            "encoder": resolve_encoder(settings.encoder),
            "llm": resolve_llm(settings.llm),
            "evaluation": type(settings.evaluation).model_validate(evaluation),
        }
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = collect_result(evaluate_arms(settings, folder), arguments.config)
    print_table(result)
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
