"""What a user sees last when something is wrong is what is wrong."""

from pathlib import Path

import pytest
from zenml.client import Client

from components.histories.config import DataConfig, InteractionsConfig, LampConfig
from components.histories.simulator import simulate
from components.reporting.config import ReportConfig
from components.tasks.lamp import LAMP_2
from components.validation.config import ValidationConfig
from components.validation.report import UnsoundHistoriesError
from pipelines.retrain_persona import retrain_persona
from pipelines.train_persona import train_persona
from steps.model_registry import open_registry
from tests.components.tiny_world import SIMULATOR


def test_the_error_of_a_step_ends_the_run(zenml_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user_id": "ann", "timestamp": "2020-01-01", "review": "fine"}\n')
    events = InteractionsConfig(path=path, input="review", output="tag")

    with pytest.raises(ValueError, match=r"events\.jsonl, row 1, field 'tag': is missing"):
        train_persona.with_options(enable_step_logs=False)(
            data=DataConfig(source="interactions", interactions=events),
            report=ReportConfig(folder=tmp_path / "reports"),
        )

    assert not (tmp_path / "reports").exists()


def test_withheld_golds_end_the_run_before_anything_is_computed(
    zenml_home: Path, tmp_path: Path
) -> None:
    folder = simulate(SIMULATOR, LAMP_2, 5, tmp_path / "lamp")
    (folder / "test" / "test_outputs.json").unlink()
    run_name = "withheld_golds"

    with pytest.raises(ValueError, match=r"no test questions to evaluate .*evaluation\.split: dev"):
        train_persona.with_options(enable_step_logs=False, run_name=run_name)(
            data=DataConfig(source="lamp", lamp=LampConfig(folder=folder)),
            report=ReportConfig(folder=tmp_path / "reports"),
        )

    run = Client().get_pipeline_run(run_name)
    statuses = {name: step.status.value for name, step in run.steps.items()}
    assert statuses.pop("find_incumbents", "completed") == "completed"
    assert statuses == {"load_histories": "completed", "validate_histories": "failed"}
    kept = Client().get_artifact_version("failed_validation").load()
    assert kept.report.stopping == ()


def test_unsound_histories_leave_their_findings_in_zenml_and_mlflow(
    zenml_home: Path, tmp_path: Path
) -> None:
    folder = simulate(SIMULATOR, LAMP_2, 6, tmp_path / "lamp")
    # Simulated users have few phrases.
    strict = {
        "severities": {"shared_texts": "critical"},
        "thresholds": {"shared_texts": 0},
    }

    with pytest.raises(UnsoundHistoriesError, match="rule 'shared_texts' fails for"):
        train_persona.with_options(enable_step_logs=False, run_name="unsound")(
            data=DataConfig(source="lamp", lamp=LampConfig(folder=folder)),
            validation=ValidationConfig.model_validate(strict),
            report=ReportConfig(folder=tmp_path / "reports"),
        )

    kept = Client().get_artifact_version("failed_validation").load()
    assert kept.report.verdict.startswith("The run stops: rule 'shared_texts'")
    client = open_registry()
    [experiment] = client.search_experiments(filter_string="name = 'train_persona'")
    run = client.search_runs([experiment.experiment_id], "tags.mlflow.runName = 'unsound'")[0]
    files = {file.path for file in client.list_artifacts(run.info.run_id, "validation")}
    assert files == {"validation/data_docs", "validation/report.json"}


def test_every_wrong_parameter_is_named_in_the_error_itself() -> None:
    with pytest.raises(ValueError, match="wrong parameters of the pipeline") as caught:
        train_persona.copy().prepare(seed="one", training={"history_dropout": 2, "x": 1})

    assert str(caught.value).splitlines()[1:] == [
        "  training.history_dropout: Input should be less than or equal to 1; it says 2",
        "  training.x: there is no such setting; it says 1",
        "  seed: Input should be a valid integer, unable to parse string as an integer; "
        "it says 'one'",
    ]
    assert caught.value.__suppress_context__


def test_a_retraining_names_wrong_parameters_too() -> None:
    with pytest.raises(ValueError, match="wrong parameters of the pipeline") as caught:
        retrain_persona.copy().prepare(retraining={"min_new_share": 0}, seed="one")

    assert str(caught.value).splitlines()[1:] == [
        "  seed: Input should be a valid integer, unable to parse string as an integer; "
        "it says 'one'",
        "  retraining.min_new_share: Input should be greater than 0; it says 0",
    ]


def test_the_error_of_a_retrainings_step_ends_the_run(zenml_home: Path, tmp_path: Path) -> None:
    events = InteractionsConfig(path=tmp_path / "2026-", input="review", output="tag")

    with pytest.raises(ValueError, match="2026-: there is no such file, nor an event file whose"):
        retrain_persona.with_options(enable_step_logs=False)(
            data=DataConfig(source="interactions", interactions=events)
        )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("paramters: {}", "'paramters': ZenML knows no such key; did you mean 'parameters'?"),
        ("sedings: {}\nsteps: {}", "'sedings': ZenML knows no such key; did you mean 'settings'?"),
        ("trainig: {}", "'trainig': ZenML knows no such key; did you mean 'training' under"),
        ("seed: 1", "'seed': ZenML knows no such key; did you mean 'seed' under 'parameters'?"),
        ("zzz: 1", r"'zzz': ZenML knows no such key; allowed are \['build', .*'parameters', "),
        ("1: x", "1: ZenML knows no such key"),
    ],
)
def test_an_unknown_key_at_the_top_stops_the_launch(
    tmp_path: Path, document: str, said: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(document)

    with pytest.raises(ValueError, match=said) as caught:
        train_persona.with_options(config_path=str(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_every_unknown_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("x: 1\nenable_cach: false\nrun_name: fine\ny: 2")

    with pytest.raises(ValueError, match="wrong keys at the top") as caught:
        train_persona.with_options(config_path=str(path))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  'x'",
        "  'enable_cach'",
        "  'y'",
    ]


@pytest.mark.parametrize("document", ["", "- parameters", "text"])
def test_a_file_without_keys_is_refused(tmp_path: Path, document: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(document)

    with pytest.raises(ValueError, match=r"run\.yaml: expected keys at the top, like 'parameters'"):
        train_persona.with_options(config_path=str(path))


def test_known_keys_reach_the_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("enable_cache: false\nrun_name: mine\nparameters: {seed: 3}")

    pipeline = train_persona.with_options(config_path=str(path))
    pipeline.prepare()
    assert pipeline.configuration.enable_cache is False
    assert pipeline._parameters["seed"] == 3
