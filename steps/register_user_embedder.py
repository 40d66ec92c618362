"""Register the trained user embedder, and its LLM where that is our own, in MLflow."""

from pathlib import Path
from typing import Annotated

import mlflow
from mlflow import MlflowClient
from zenml import step

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.lineage.data_profile import profile_data
from components.lineage.trained_users import write_trained_users
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Registration
from components.serving.artifact import ArtifactParts, write_llm_reference
from components.serving.persona_model import ServingRecipe, ServingSpec
from components.training.train import TrainedArms
from components.user_embedder.embedder_folder import EmbedderFolder
from components.user_hash import load_key
from steps.caching import code_of, source_root
from steps.model_package import build_signature, invent_input, pin_requirements
from steps.model_registry import (
    CHALLENGER,
    DATA_PROFILE,
    TRAINED_USERS,
    WATERMARK_RECORD,
    download_model,
    download_tuning_record,
    model_name,
    open_registry,
    register_llm,
)
from steps.scratch import make_scratch_directory
from steps.user_hash_key import KEY_FILE

ROOT = source_root(Path(__file__).resolve())


@step(
    cache_policy=code_of(__file__, "steps.persona_pyfunc", "components.serving.reproduce"),
    experiment_tracker=True,
)
def register_user_embedder(
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    trained: TrainedArms,
    recipe: ServingRecipe,
) -> Annotated[Registration, "registration"]:
    """Log the model with all that later work needs, and point `challenger` at it."""
    client = open_registry()
    plug_in = trained.arm("persona")
    log_lineage(client, histories, vectors, llm, recipe)
    registration = log_model(client, plug_in, llm, recipe)
    client.set_registered_model_alias(registration.model_name, CHALLENGER, registration.version)
    return registration


def log_lineage(
    client: MlflowClient,
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    recipe: ServingRecipe,
) -> None:
    """Log what the data looked like, and whose data it was; a kept LLM's as it was tuned."""
    mlflow.log_dict(vectors.describe(), "encoder.json")
    profile = profile_data(histories, vectors, recipe.task)
    mlflow.log_dict(profile.model_dump(), DATA_PROFILE)
    if histories.watermark is not None:
        mlflow.log_dict(histories.watermark.model_dump(), WATERMARK_RECORD)
    record = download_tuning_record(client, recipe.task.name, llm, make_scratch_directory())
    path = make_scratch_directory() / TRAINED_USERS
    write_trained_users(histories, recipe.llm, load_key(KEY_FILE), path, record)
    mlflow.log_artifact(str(path))


def log_model(
    client: MlflowClient, plug_in: EmbedderFolder, llm: LLMFolder, recipe: ServingRecipe
) -> Registration:
    """Log and register the model, its LLM by reference."""
    name, task = model_name(recipe.task.name), recipe.task
    spec = recipe.specify(plug_in, llm)
    serving = write_serving_folder(client, spec, llm)
    loader = ROOT / "steps" / "persona_pyfunc.py"
    parts = ArtifactParts(plug_in.path, serving, ROOT / "components", loader)
    parts.write_manifest()
    info = mlflow.pyfunc.log_model(
        name="persona_plug",
        python_model=str(parts.loader),
        artifacts={"plug_in": str(parts.plug_in), "serving": str(parts.serving)},
        code_paths=[str(parts.components)],
        signature=build_signature(task),
        input_example=invent_input(task),
        pip_requirements=pin_requirements(),
        registered_model_name=name,
    )
    version = str(info.registered_model_version)
    artifact_hash = download_model(client, task.name, version, make_scratch_directory()).seal()
    card, described = plug_in.card(), llm.describe()
    tags = {
        "weights_hash": plug_in.weights_hash(),
        "artifact_hash": artifact_hash,
        "llm_hash": spec.llm_hash,
        "llm_settings_hash": described["settings_hash"],
        "llm": f"{described['name']}@{described['revision']}",
        "llm_weights_sha256": card.llm_weights_sha256,
        "encoder": f"{card.encoder.name}@{card.encoder.revision}",
        "encoder_weights_sha256": card.encoder_weights_sha256,
        "encoder_fingerprint": card.encoder_fingerprint,
    }
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
    return Registration(
        model_name=name,
        version=version,
        weights_hash=tags["weights_hash"],
        llm_hash=spec.llm_hash,
        encoder_fingerprint=card.encoder_fingerprint,
        artifact_hash=artifact_hash,
    )


def write_serving_folder(client: MlflowClient, spec: ServingSpec, llm: LLMFolder) -> Path:
    """Write what answers need beside the plug-in: the specification and where the LLM is."""
    directory = make_scratch_directory()
    spec.write(directory)
    model_uri = None
    if llm.has_weights:
        version = register_llm(client, spec.task.name, llm)
        model_uri = f"models:/{version.name}/{version.version}"
    write_llm_reference(directory, llm, model_uri)
    return directory
