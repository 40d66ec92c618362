"""Tiny models and what is trained with them, made once; imported only where they are asked for."""

import shutil

import pytest


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    from tests.components.tiny_models import write_sentence_encoder

    return write_sentence_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Histories, behavior vectors and a warm-started LLM, and the encoder's settings."""
    from tests.components.tiny_world import make_artifacts

    return make_artifacts(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def artifacts(world):
    return world[0]


@pytest.fixture(scope="session")
def recipe(world):
    from tests.components.tiny_world import make_recipe

    return make_recipe(world[1])


@pytest.fixture(scope="session")
def trained(artifacts, recipe, exam, tmp_path_factory):
    from components.evaluation.arm_table import build_arms, list_embedders
    from components.training.train import train_all_arms

    arms = build_arms(exam.recipe.evaluation, recipe.retrieval)
    directory = tmp_path_factory.mktemp("trained")
    return train_all_arms(artifacts, recipe, list_embedders(arms.values()), directory)


@pytest.fixture(scope="session")
def loud(trained, tmp_path_factory):
    """The trained arms at eight times their scale, so that a random LLM cannot but hear them."""
    from components.training.train import TrainedArms
    from components.user_embedder.embedder_folder import EmbedderCard

    folder = shutil.copytree(trained.path, tmp_path_factory.mktemp("loud") / "arms")
    for path in folder.glob("*/user_embedder.json"):
        card = EmbedderCard.model_validate_json(path.read_text())
        louder = card.model_copy(update={"scale": 8 * card.scale})
        path.write_text(louder.model_dump_json())
    return TrainedArms.at(folder)


@pytest.fixture(scope="session")
def exam(world):
    from tests.components.tiny_world import make_exam

    return make_exam(*world)
