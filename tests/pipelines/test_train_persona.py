"""The main job: a first model that is refused, a repetition, a retraining, a promotion."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from markupsafe import escape
from mlflow import MlflowClient

from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.evaluation.evaluation import Evaluation
from components.evaluation.exam import ExamRecipe
from components.evaluation.predictions import Predictions
from components.folder import Folder, hash_file
from components.llm.config import LLMConfig
from components.llm.llm_folder import LLMFolder, LLMSource, write_llm_folder
from components.llm.prepare import is_tuning_user
from components.personas.store import PersonaStore
from components.promotion.config import DEFAULT_RULES, PromotionConfig
from components.promotion.registry_records import Incumbents
from components.reporting.inversion import write_inversion
from components.retrieval.config import RetrievalConfig
from components.tasks.lamp import LAMP_2
from components.tasks.task import Task
from steps.bundle_source import RegistrySource
from steps.evaluate_incumbents import evaluate_incumbents
from steps.persona_store import use_custody
from tests.components.tiny_models import make_warm_start
from tests.components.tiny_world import LLM, SIMULATOR
from tests.pipelines.conftest import Run, Runs, promote

MODEL = "persona-plug-LaMP_2"
NEVER_CACHED = {
    "load_histories",
    "find_incumbents",
    "check_drift",
    "check_artifact",
    "check_promotion",  # judges by seconds that were measured anew
    "promote_user_embedder",
    "export_report",
    "fill_persona_store",
    "deploy_gateway",
}
TABLE = pd.DataFrame(
    {
        "history": [[{"tag": "comedy", "description": "full of slapstick gags."}] * 3, []],
        "input": ["silly pranks, lots of dragons.", "silly pranks, lots of dragons."],
    }
)


def aliases(registry: MlflowClient) -> dict[str, str]:
    """Return the version behind each alias."""
    found = registry.get_registered_model(MODEL).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_a_refused_candidate_is_a_finished_run(first: Run, registry: MlflowClient) -> None:
    assert first.response.status.value == "completed"
    assert set(first.statuses.values()) == {"completed"}

    candidate = first.load("register_user_embedder", "registration")
    tags = registry.get_model_version(MODEL, candidate.version).tags
    assert tags["decision"].startswith("refused: ")
    assert tags["weights_hash"] == candidate.weights_hash
    assert not first.load("promote_user_embedder", "promotion").promoted
    receipt = first.load("fill_persona_store", "embedding_receipt")
    assert (receipt.outcome, receipt.stored) == ("skipped", 0)
    assert "was refused: the persona store stays as it is" in receipt.reason
    assert first.load("package_serving", "serving_bundle").files() == []
    assert first.load("deploy_gateway", "deployment").outcome == "skipped"


def test_what_a_model_was_made_from_lies_beside_it(first: Run, registry: MlflowClient) -> None:
    version = first.load("register_user_embedder", "registration").version
    run_id = registry.get_model_version(MODEL, version).run_id

    logged = {artifact.path for artifact in registry.list_artifacts(run_id)}
    assert {"data_profile.json", "encoder.json", "trained_users.parquet", "report"} <= logged
    curves = registry.get_metric_history(run_id, "train/persona/loss")
    assert len(curves) > 1


def test_tags_say_which_encoder_and_llm_were_loaded(
    first: Run, registry: MlflowClient, runs: Runs
) -> None:
    version = first.load("register_user_embedder", "registration").version
    tags = registry.get_model_version(MODEL, version).tags
    llm, encoder = first.load("prepare_llm", "llm"), Folder.at(runs.encoder)

    assert tags["encoder"] == f"{runs.encoder}@{encoder.content_hash()}"
    assert tags["encoder_weights_sha256"] == hash_file(runs.encoder / "model.safetensors")
    assert tags["llm"] == f"warm_start@{encoder.content_hash()}"  # what it was started from
    assert tags["llm_weights_sha256"] == hash_file(llm.path / "weights" / "model.safetensors")


def test_artifacts_load_back(first: Run) -> None:
    histories = first.load("validate_histories", "sound_histories")
    vectors = first.load("encode_histories", "behavior_vectors")
    predictions = first.load("evaluate_user_embedder", "predictions").table.to_pandas()

    num_users = (SIMULATOR.num_train_users, SIMULATOR.num_dev_users, SIMULATOR.num_test_users)
    assert len(set(histories.questions["user_id"])) == sum(num_users)
    assert len(vectors.open()) == len(histories.items)
    num_questions = SIMULATOR.num_test_users * SIMULATOR.eval_questions_per_user
    per_arm = predictions.groupby("arm").size().to_dict()
    arms = ["base", "instruction_only", "persona", "mean_pooling", "user_statistics"]
    arms += [f"persona_history_{cut}" for cut in (0, 1, 4, 16)]
    assert per_arm == dict.fromkeys(arms, num_questions) | {"shuffled": 2 * num_questions}
    assert set(predictions["prediction"]) <= set(LAMP_2.labels)


def test_the_report_is_complete(first: Run, runs: Runs) -> None:
    folder = runs.reports / first.response.name
    assert {path.name for path in folder.iterdir()} == {
        "data_docs",
        "evaluation.html",
        "evaluation.json",
        "model_card.md",
        "run.json",
        "validation.json",
    }
    run = json.loads((folder / "run.json").read_text())
    assert set(run["seconds"]) == set(first.statuses) - {"export_report", "deploy_gateway"}
    assert run["cached"] == []
    assert run["versions"]["zenml"]
    histories = first.load("validate_histories", "sound_histories")
    assert run["versions"]["data (content hash)"] == histories.content_hash()
    assert run["artifacts"]["llm"] == first.load("prepare_llm", "llm").content_hash()
    stored = first.load("export_report", "report")
    assert (stored.path / "evaluation.json").read_text() == (folder / "evaluation.json").read_text()


def test_evaluation_json_has_the_promised_fields(first: Run, runs: Runs) -> None:
    text = (runs.reports / first.response.name / "evaluation.json").read_text()
    document = json.loads(text)

    assert Evaluation.model_validate_json(text) == first.load("check_promotion", "evaluation")
    assert (document["schema_version"], document["task"], document["split"]) == (
        2,
        "LaMP_2",
        "test",
    )
    assert (document["num_questions"], document["num_users"]) == (40, 4)
    assert set(document["arms"]) == {
        "base",
        "instruction_only",
        "persona",
        "shuffled",
        "mean_pooling",
        "user_statistics",
    }
    figures = [*document["arms"].values(), *document["differences"].values()]
    assert {"persona_vs_instruction_only", "persona_vs_shuffled"} <= set(document["differences"])
    assert all(set(metrics) == {"accuracy", "macro_f1"} for metrics in figures)
    assert all(set(f) == {"mean", "low", "high"} for metrics in figures for f in metrics.values())
    assert set(document["limits"]) == {"bayes", "without_user", "oracle"}
    assert all(set(limit) == {"accuracy", "macro_f1"} for limit in document["limits"].values())
    assert {"slices", "costs", "users", "attention"} <= set(document)
    chosen = document["notes"]["user_statistics"]["chosen"]
    page = (runs.reports / first.response.name / "evaluation.html").read_text()
    assert f"<dt>user_statistics</dt><dd>chosen: {chosen}; " in page
    assert document["decision"]["promoted"] is False
    told = {reason["rule"]: reason["status"] for reason in document["decision"]["reasons"]}
    assert list(told) == [rule.title for rule in DEFAULT_RULES]
    assert told["better_than_shuffled"] == "not_evaluated"  # four users
    assert told["not_worse_than_champion"] == "not_evaluated"
    assert told["reproduces_predictions"] == told["latency"] == told["size"] == "passed"


def test_no_users_text_gets_into_the_report(first: Run, runs: Runs) -> None:
    histories = first.load("load_histories", "histories")
    texts = {*histories.items["input"], *histories.questions["payload"]}

    files = [path for path in (runs.reports / first.response.name).rglob("*") if path.is_file()]
    assert len(texts) > 20
    assert [path for path in files if any(text in path.read_text() for text in texts)] == []


def test_the_registered_artifact_by_itself_answers_as_was_evaluated(
    first: Run, retrained: Run
) -> None:
    for run in (first, retrained):
        check = run.load("check_artifact", "artifact_check")
        assert (check.loaded, check.problem, check.foreign_modules) == (True, None, [])
        assert check.num_equal == check.num_questions == 40


def test_a_repetition_is_cached(first: Run, repeated: Run, runs: Runs) -> None:
    assert set(repeated.statuses) - repeated.cached == NEVER_CACHED
    assert (runs.reports / "latest").is_symlink()
    assert (runs.reports / repeated.response.name / "evaluation.html").is_file()
    run = json.loads((runs.reports / repeated.response.name / "run.json").read_text())
    assert set(run["cached"]) == repeated.cached


def test_mlflow_answers_a_table_with_an_empty_history_too(
    repeated: Run, registry: MlflowClient
) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}@challenger")

    answers = list(model.predict(TABLE))
    assert len(answers) == 2
    assert set(answers) <= set(LAMP_2.labels)


def test_a_retraining_keeps_the_champions_llm_and_is_compared_with_it(
    first: Run, retrained: Run, registry: MlflowClient
) -> None:
    before = first.load("register_user_embedder", "registration")
    candidate = retrained.load("register_user_embedder", "registration")

    incumbents = retrained.load("find_incumbents", "incumbents")
    assert incumbents.champion.version == before.version
    assert incumbents.reference == incumbents.champion
    assert retrained.statuses["encode_histories"] == "completed"  # other data
    assert candidate.version != before.version
    assert candidate.weights_hash != before.weights_hash
    assert retrained.load("prepare_llm", "llm").content_hash() == before.llm_hash
    evaluation = retrained.load("check_promotion", "evaluation")
    judged = {reason.rule: reason for reason in evaluation.decision.reasons}
    for office in ("champion", "reference"):
        assert f"persona_vs_{office}" in evaluation.differences
        assert office in evaluation.slices["history_4"].arms
        assert judged[f"not_worse_than_{office}"].sentence == (
            f"Not evaluated: 4 users asked the questions that {office} answered, 30 are needed."
        )
    assert evaluation.arms["champion"] == evaluation.arms["reference"]  # one model, asked once


def test_drift_is_counted_from_the_champions_data(
    first: Run, retrained: Run, promoted: Run, registry: MlflowClient, runs: Runs
) -> None:
    """None at first; then other users of the same kind; then the champion's own data again."""
    unknown, other, same = (
        run.load("check_drift", "drift") for run in (first, retrained, promoted)
    )
    assert (unknown.status, unknown.champion) == ("not_comparable", None)
    assert [report.drifted for report in (unknown, other, same)] == [False] * 3

    version = first.load("register_user_embedder", "registration").version
    assert (other.status, other.champion_version) == ("stable", version)
    assert other.champion == unknown.today
    assert all(measure.distance > 0 for measure in other.measures)
    assert registry.get_model_version(MODEL, version).tags["drift"] == "stable"
    assert same.champion == same.today
    assert [measure.distance for measure in same.measures] == [0, 0, 0, 0]
    for run, report in ((first, unknown), (retrained, other)):
        page = (runs.reports / run.response.name / "evaluation.html").read_text()
        assert escape(report.verdict) in page


def test_what_vectors_tell_is_measured_once_for_the_same_vectors(
    first: Run, repeated: Run, runs: Runs, registry: MlflowClient
) -> None:
    report = first.load("check_inversion", "inversion")
    vectors = first.load("encode_histories", "behavior_vectors")
    assert report.fingerprint == vectors.fingerprint
    assert report.num_candidates == len(vectors.open()) + 1000 + 200 * 5
    assert "check_inversion" in repeated.cached
    for run in (first, repeated):
        page = (runs.reports / run.response.name / "evaluation.html").read_text()
        assert write_inversion(report) in page


def test_a_refused_models_card_names_its_version(
    repeated: Run, retrained: Run, runs: Runs, registry: MlflowClient
) -> None:
    """`challenger` went on to the retrained one."""
    version = repeated.load("register_user_embedder", "registration").version
    card = (runs.reports / repeated.response.name / "model_card.md").read_text()

    assert aliases(registry)["challenger"] != version
    assert f'"models:/{MODEL}/{version}"' in card
    assert "@challenger" not in card


def test_a_kept_llms_users_are_those_of_the_run_that_tuned_it(
    first: Run, retrained: Run, registry: MlflowClient, tmp_path: Path
) -> None:
    def trained_users(run: Run, trained: str) -> set[str]:
        version = run.load("register_user_embedder", "registration").version
        run_id = registry.get_model_version(MODEL, version).run_id
        directory = tmp_path / run_id
        directory.mkdir(exist_ok=True)
        path = registry.download_artifacts(run_id, "trained_users.parquet", str(directory))
        table = pd.read_parquet(path)
        return set(table["user_hash"][table["trained"] == trained])

    newcomer = "train-00010"
    users = set(retrained.load("validate_histories", "sound_histories").questions["user_id"])
    assert newcomer in users
    assert is_tuning_user(newcomer, 0.5)  # but came after the LLM was tuned
    assert trained_users(retrained, "llm") == trained_users(first, "llm")
    assert len(trained_users(first, "llm")) > 1
    assert trained_users(retrained, "user_embedder") > trained_users(first, "user_embedder")


def compare_again(
    retrained: Run,
    task: Task,
    llm: LLMConfig,
    frozen: LLMFolder | None = None,
    incumbents: Incumbents | None = None,
) -> Predictions:
    """Let the champion answer once more, for a candidate of other settings or another LLM."""
    recipe = ExamRecipe(
        task=task,
        encoder=EncoderConfig(),
        llm=llm,
        retrieval=RetrievalConfig(),
        evaluation=EvaluationConfig(),
        seed=0,
    )
    return evaluate_incumbents.entrypoint(
        retrained.load("validate_histories", "sound_histories"),
        retrained.load("encode_histories", "behavior_vectors"),
        frozen or retrained.load("prepare_llm", "llm"),
        retrained.load("evaluate_user_embedder", "predictions"),
        incumbents or retrained.load("find_incumbents", "incumbents"),
        retrained.load("register_user_embedder", "registration"),
        recipe,
    )


def test_the_champion_answers_by_the_settings_it_was_registered_with(
    retrained: Run, registry: MlflowClient
) -> None:
    compared = retrained.load("evaluate_incumbents", "predictions_with_incumbents")
    other = LLM.model_copy(update={"reads": "input", "max_input_length": 8, "num_beams": 3})

    again = compare_again(retrained, LAMP_2, other)
    assert again.table == compared.table
    assert (
        again.read().notes
        == compared.read().notes
        == retrained.load("check_promotion", "evaluation").notes
    )


def test_the_champion_answers_with_the_llm_it_was_registered_with(
    retrained: Run, registry: MlflowClient, runs: Runs, tmp_path: Path
) -> None:
    compared = retrained.load("evaluate_incumbents", "predictions_with_incumbents")
    source = LLMSource("warm_start", None, "other settings")
    (tmp_path / "llm").mkdir()
    other = write_llm_folder(tmp_path / "llm", source, make_warm_start(runs.encoder), [])

    assert compare_again(retrained, LAMP_2, LLM, frozen=other).table == compared.table


def test_a_champion_whose_bytes_changed_is_not_asked(
    retrained: Run, registry: MlflowClient
) -> None:
    incumbents = retrained.load("find_incumbents", "incumbents")
    changed = incumbents.champion.model_copy(update={"artifact_hash": "of other bytes"})
    others = Incumbents(champion=changed)

    again = compare_again(retrained, LAMP_2, LLM, incumbents=others)
    assert "champion" not in set(again.table["arm"].to_pylist())
    assert again.read().notes["champion_not_compared"] == (
        "cannot be used (changed since it was registered: serving/artifact.json)"
    )


def test_a_champion_that_cannot_be_asked_is_said_and_not_passed_over(
    retrained: Run, registry: MlflowClient
) -> None:
    task = LAMP_2.model_copy(update={"history_template": "{description}"})

    compared = compare_again(retrained, task, LLM)
    assert not {"champion", "reference"} & set(compared.table["arm"].to_pylist())
    for office in ("champion", "reference"):
        assert compared.read().notes[f"{office}_not_compared"] == (
            "reads items by task.item_template 'tag: {tag} description: {description}', "
            "not '{description}'"
        )


def test_the_champion_of_the_same_weights_is_promoted_again_and_served(
    runs: Runs, retrained: Run, promoted: Run, registry: MlflowClient, tmp_path: Path
) -> None:
    """The whole way after a promotion, with the LLM that was kept."""
    candidate = promoted.load("register_user_embedder", "registration")
    evaluation = promoted.load("check_promotion", "evaluation")

    judged = {reason.rule: reason.status for reason in evaluation.decision.reasons}
    assert judged == dict.fromkeys(
        ("already_champion", "reproduces_predictions", "latency", "size"), "passed"
    )
    assert {"train_user_embedder", "register_user_embedder"} <= promoted.cached
    assert aliases(registry)["champion"] == candidate.version
    histories = promoted.load("validate_histories", "sound_histories")
    bundle = promoted.load("package_serving", "serving_bundle").load()
    source = RegistrySource(registry, MODEL, "champion", None, tmp_path)
    logged = source.fetch(source.find_latest() or "").card()
    assert (logged.model_name, logged.model_version) == (MODEL, candidate.version)
    item = {"tag": "comedy", "description": "full of slapstick gags."}
    given = [bundle.encode_items([item] * 3), bundle.encode_items([])]
    served = bundle.answer(list(TABLE["input"]), given)
    registered = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    assert served == list(registered.predict(TABLE))
    vectors = promoted.load("encode_histories", "behavior_vectors")
    receipt = promoted.load("fill_persona_store", "embedding_receipt")
    assert (receipt.outcome, receipt.stored) == ("published", len(histories.items))
    [user, *_] = histories.items["user_id"]
    rows = [row for row, owner in enumerate(histories.items["user_id"]) if owner == user]
    width = vectors.open().shape[1]
    with (
        use_custody() as custody,
        PersonaStore.open(
            runs.personas, custody, vectors.fingerprint, width, create=False
        ) as store,
    ):
        assert store.stat().users == len(set(histories.items["user_id"]))
        np.testing.assert_array_equal(store.get(user).vectors, vectors.open()[rows])
        assert store.get_items(user)[0].text == histories.items["input"][0]


def test_promoting_moves_the_aliases_once(
    first: Run, promoted: Run, registry: MlflowClient
) -> None:
    from steps.model_registry import read_incumbents

    older = first.load("register_user_embedder", "registration")
    newer = promoted.load("register_user_embedder", "registration")
    moved = {"champion": newer.version, "previous": older.version, "challenger": newer.version}
    moved |= {"reference": older.version}  # the first champion, until a person moves it
    assert aliases(registry) == moved
    assert registry.get_model_version(MODEL, newer.version).tags["decision"] == "promoted"

    assert promote(newer).promoted
    assert aliases(registry) == moved
    champion = read_incumbents(registry, "LaMP_2").champion
    assert champion is not None
    assert (champion.version, champion.artifact_hash) == (newer.version, newer.artifact_hash)

    assert not promote(older, promoted=False).promoted
    moved |= {"challenger": older.version}  # judged last
    assert aliases(registry) == moved
    with pytest.raises(ValueError, match="was compared with champion None, but "):
        promote(older, incumbents=Incumbents())  # somebody was faster
    assert aliases(registry) == moved
    tags = registry.get_model_version(MODEL, older.version).tags
    assert tags["decision"] == "refused: accuracy is too low."


def test_a_lost_reference_is_replaced_only_by_who_may(
    promoted: Run, registry: MlflowClient
) -> None:
    """A rule may pass it by; only `replace_incomparable` puts another in its place."""
    candidate = promoted.load("register_user_embedder", "registration")
    before = aliases(registry) | {"challenger": candidate.version}
    notes = {"reference_not_compared": "reads other items"}
    promote(candidate, notes=notes)
    assert aliases(registry) == before != before | {"reference": candidate.version}
    promote(candidate, notes=notes, settings=PromotionConfig(replace_incomparable=True))
    assert aliases(registry) == before | {"reference": candidate.version}
    registry.set_registered_model_alias(MODEL, "reference", before["reference"])


@pytest.mark.parametrize("task_name", ["LaMP_3", "never heard of"])
def test_a_task_without_a_model_has_no_champion(task_name: str, registry: MlflowClient) -> None:
    from steps.model_registry import read_incumbents

    assert read_incumbents(registry, task_name) == Incumbents()
