"""Week after week through the pipeline `retrain_persona`, in a ZenML home that is thrown away.

`benchmarks.year` starts this in a process of its own, since ZenML reads where its home is when it
is imported. A week is a file of events and a run; what became of it is read from the run.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import Field, create_model
from zenml.client import Client
from zenml.models import PipelineRunResponse
from zenml.utils import source_utils

from benchmarks.year_encoder import write_small_encoder
from benchmarks.year_records import (
    CHAMPION,
    NEVER_RETRAINED,
    RECORDS,
    REPLACED,
    WeekRecord,
    read_records,
    write_record,
)
from components.config import Config
from components.folder import write_folder
from components.histories.simulator_weeks import simulate_weeks
from components.histories.simulator_weeks_config import WeeksConfig
from infra.stacks.local import register_local_stack
from pipelines.retrain_persona import retrain_persona

ROOT = Path(__file__).resolve().parents[1]
EVENTS, JUDGED, ENCODER = "events", "judged", "encoder"


class YearSettings(Config):
    """What `benchmarks/year.yaml` says."""

    encoder_layers: int = Field(ge=1, description="Layers of the bundled encoder that are kept.")
    weeks: WeeksConfig = Field(description="The population.")
    parameters: Any = Field(description="Of the pipeline, an attribute each.")


def read_year(path: Path) -> YearSettings:
    """Return the settings of the population and of the pipeline.

    Raises:
        pydantic.ValidationError: If a setting is unknown or wrong.
    """
    parameters = signature(retrain_persona.entrypoint).parameters.values()
    fields: Any = {one.name: (one.annotation, one.default) for one in parameters}
    pipeline = create_model("Parameters", __base__=Config, **fields)
    settings = create_model("Settings", __base__=YearSettings, parameters=(pipeline, ...))
    return settings.model_validate(yaml.safe_load(path.read_text("utf-8")))


def run_year(settings: YearSettings, folder: Path, num_weeks: int) -> None:
    """Run the weeks that the folder doesn't have yet."""
    (folder / EVENTS).mkdir(parents=True, exist_ok=True)
    (folder / JUDGED).mkdir(exist_ok=True)
    if not (folder / ENCODER).exists():
        with write_folder(folder / ENCODER) as partial:
            write_small_encoder(partial, settings.encoder_layers)
    parameters = place_in(folder, settings.parameters)
    num_done, num_items = len(read_records(folder / RECORDS)), 0
    weeks = simulate_weeks(settings.weeks, parameters["seed"])
    for week, _ in zip(weeks, range(num_weeks), strict=False):
        num_items += len(week.events)
        week.write(folder / EVENTS, folder / JUDGED)
        if week.number >= num_done:
            record = run_week(week.number, num_items, parameters, folder)
            write_record(folder / RECORDS, record)
            print(json.dumps(record.summarize()), flush=True)


def place_in(folder: Path, parameters: Any) -> dict[str, Any]:
    """Return the pipeline's parameters with all that it reads and writes below the folder."""
    data, personas, report = parameters.data, parameters.personas, parameters.report
    encoder = parameters.encoder.model_copy(update={"name": str(folder / ENCODER)})
    events = data.interactions.model_copy(update={"path": folder / EVENTS / "week-"})
    changed = {
        "encoder": encoder,
        "data": data.model_copy(update={"interactions": events}),
        "personas": personas.model_copy(update={"place": str(folder / "personas")}),
        "report": report.model_copy(update={"folder": folder / "reports"}),
    }
    return {name: getattr(parameters, name) for name in type(parameters).model_fields} | changed


def run_week(
    number: int, num_items: int, parameters: Mapping[str, Any], folder: Path
) -> WeekRecord:
    """Run the pipeline on all that there is by now, and read what became of it.

    A run that finished before its record was written is not run again.
    """
    started, used = time.perf_counter(), measure_cpu()
    prefix = f"week-{number:02d}-"
    known = Client().list_pipeline_runs(name=f"startswith:{prefix}", status="completed")
    run: PipelineRunResponse | None = next(iter(known.items), None)
    if run is None:
        pipeline = retrain_persona.with_options(
            run_name=prefix + "{date}-{time}", enable_step_logs=False
        )
        run = pipeline(**parameters)
        assert run is not None, "a run on this machine is over when the call returns"
    return read_run(run, folder).model_copy(
        update={
            "week": number,
            "num_items": num_items,
            "seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(measure_cpu() - used, 1),
        }
    )


def measure_cpu() -> float:
    """Return the processor seconds of this process and of its finished children."""
    times = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in times)


def read_run(run: PipelineRunResponse, folder: Path) -> WeekRecord:
    """Return what became of a run; whoever ran it says which week it was."""
    incumbents = load_output(run, "find_incumbents", "incumbents")
    before = None if incumbents.champion is None else incumbents.champion.version
    decided = load_output(run, "check_retraining", "retraining")
    unknown = {"week": 0, "num_items": 0, "seconds": 0, "cpu_seconds": 0}
    if not decided.due:
        kept = {"outcome": "skipped", "reason": decided.reason, "candidate": None}
        return WeekRecord(**kept, champion=before, **unknown)
    promotion = load_output(run, "promote_user_embedder", "promotion")
    decision = load_output(run, "check_promotion", "evaluation").decision
    answers = load_output(run, "evaluate_incumbents", "predictions_with_incumbents").table
    users, right = judge_answers(answers.to_pandas(), read_judged(folder), promotion.promoted)
    refused = (reason.rule for reason in decision.reasons if reason.blocks)
    return WeekRecord(
        outcome="promoted" if promotion.promoted else "refused",
        reason=", ".join(refused),
        candidate=promotion.version,
        champion=promotion.version if promotion.promoted else before,
        users=users,
        right=right,
        **unknown,
    )


def load_output(run: PipelineRunResponse, step: str, output: str) -> Any:
    """Load what a step of the run made."""
    [version] = run.steps[step].outputs[output]
    return version.load()


def read_judged(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the ideal judges answer to each question of the weeks until now."""
    judged: dict[str, dict[str, str]] = {}
    for file in sorted((folder / JUDGED).iterdir()):
        judged |= json.loads(file.read_text("utf-8"))
    return judged


def judge_answers(
    answers: pd.DataFrame, judged: Mapping[str, Mapping[str, str]], promoted: bool
) -> tuple[list[str], dict[str, list[bool]]]:
    """Return who asked, and which questions each model and judge answered right.

    Args:
        answers: Of all arms, as the pipeline's predictions.
        judged: By question, what the ideal judges answer.
        promoted: Whether the candidate is champion now.
    """
    by_arm = answers[answers["draw"] == 0].pivot(
        index="question_id", columns="arm", values="prediction"
    )
    asked = answers.drop_duplicates("question_id").set_index("question_id").loc[by_arm.index]
    arms = {"candidate": "persona", "instruction_only": "instruction_only"}
    arms |= {REPLACED: "champion", NEVER_RETRAINED: "reference"}
    arms[CHAMPION] = "persona" if promoted else "champion"
    if promoted and "reference" not in by_arm:
        arms[NEVER_RETRAINED] = "persona"  # the first champion is what is never retrained
    right = {name: by_arm[arm] == asked["gold"] for name, arm in arms.items() if arm in by_arm}
    ideal = pd.DataFrame([judged[question] for question in by_arm.index], index=by_arm.index)
    right |= {judge: ideal[judge] == asked["gold"] for judge in ideal.columns}
    return asked["user_id"].tolist(), {name: flags.tolist() for name, flags in right.items()}


def main(words: Sequence[str]) -> None:
    """Run the weeks: settings, folder and number of weeks are given in this order."""
    config, folder, num_weeks = Path(words[0]), Path(words[1]), int(words[2])
    home = folder / "repository"
    home.mkdir(parents=True, exist_ok=True)
    source_utils.set_custom_source_root(str(ROOT))
    register_local_stack(home)
    run_year(read_year(config), folder, num_weeks)


if __name__ == "__main__":
    main(sys.argv[1:])
