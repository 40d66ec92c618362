"""A whole tiny training: what moves, what must not, and that a seed repeats it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.encoders.sentence_encoder import resolve_encoder
from components.folder import hash_file
from components.optimization.config import CheckpointConfig
from components.optimization.fit import FitInputs, fit
from components.training.config import TrainingConfig
from components.training.examples import TrainingExamples, build_examples
from components.training.train import (
    TRAINED_ARMS,
    Artifacts,
    TrainedArm,
    TrainingRecord,
    describe_embedder,
    find_checkpoints,
    find_trained_arm,
    train_user_embedder,
)
from components.user_embedder.collator import Example, build_collator
from components.user_embedder.embedder_folder import build_user_embedder
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation


def load_weights(folder):
    return load_file(folder.path / "user_embedder.safetensors")


def train(artifacts, recipe, directory, aggregation=Aggregation.ATTENTION):
    directory.mkdir()
    return train_user_embedder(artifacts, recipe, TrainedArm(aggregation), directory)


def test_every_arm_is_trained_and_described(trained, artifacts, recipe):
    assert trained.names() == sorted([*TRAINED_ARMS, "persona_seed_1"])
    for name in trained.names():
        folder = trained.arm(name)
        card = folder.card()
        assert card.aggregation == find_trained_arm(name).aggregation
        llm = trained.llm(name) or artifacts.llm
        assert card.llm_hash == llm.content_hash()
        assert card.encoder_fingerprint == artifacts.vectors.fingerprint
        weights = Path(recipe.encoder.name) / "model.safetensors"
        assert card.encoder_weights_sha256 == hash_file(weights)
        weights = llm.path / "weights" / "model.safetensors"
        assert card.llm_weights_sha256 == hash_file(weights)
        assert (resolve_encoder(recipe.encoder), recipe.embedder) == (card.encoder, card.embedder)
        assert {"loss", "dev_loss"} <= {key for point in folder.curve() for key in point}
        assert folder.curve()[-1]["epoch"] == 2


def test_the_same_seed_trains_the_same_weights(trained, artifacts, recipe, tmp_path):
    again = train(artifacts, recipe, tmp_path / "again")
    assert again.weights_hash() == trained.arm("persona").weights_hash()
    assert again.content_hash() == trained.arm("persona").content_hash()
    reseeded = recipe.model_copy(update={"seed": 1})
    other = train(artifacts, reseeded, tmp_path / "other", Aggregation.NONE)
    assert other.weights_hash() != trained.arm("instruction_only").weights_hash()


def test_a_training_moves_the_embedder_and_leaves_the_llm_bit_identical(artifacts, recipe):
    llm = artifacts.llm.load()
    card = describe_embedder(recipe, artifacts, llm, Aggregation.ATTENTION)
    torch.manual_seed(0)
    model = PersonaLLM(llm, build_user_embedder(card))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    questions, vectors = artifacts.histories.questions, artifacts.vectors.open()
    examples = build_examples(questions, vectors, range(8), recipe.llm)
    shown = TrainingExamples(examples, TrainingConfig(), 4, 0)
    inputs = FitInputs(shown, None, build_collator(llm, card, recipe.llm))
    fit(model, inputs, recipe.training.fit, 0, ("embedder.input_encoder",))
    moved = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all(name.startswith("embedder.") for name in trained)
    assert moved <= trained
    # A key's bias moves every logit of a query alike: its gradient is rounding.
    assert {name for name in trained - moved if "key.bias" not in name} == set()


def test_dev_and_test_questions_teach_nothing(artifacts, recipe, tmp_path, trained):
    """A training whose dev and test golds are all another label ends at the same weights."""
    from components.histories.tables import write_histories

    def spoil(row):
        return row if row["split"] == "train" else {**row, "output": "violence", "payload": "book"}

    histories = artifacts.histories
    spoilt = write_histories(
        tmp_path / "spoilt", histories.items, histories.questions.map(spoil), histories.limits
    )
    other = Artifacts(spoilt, artifacts.vectors, artifacts.llm)
    again = train(other, recipe, tmp_path / "again")
    assert again.weights_hash() == trained.arm("persona").weights_hash()
    assert again.curve() != trained.arm("persona").curve()


def test_no_more_history_is_read_than_the_embedder_was_trained_on(artifacts, recipe, trained):
    """Training, evaluation and serving all ask this collator."""
    collate = build_collator(artifacts.llm.load(), trained.arm("persona").card(), recipe.llm)
    vectors = artifacts.vectors.open()[:9]
    batch = collate([Example("ask", "pay", vectors)])
    assert recipe.embedder.max_history_items == 4
    np.testing.assert_array_equal(batch["history"][0], vectors[-4:].astype(np.float32))


def test_arms_differ_in_their_parts_alone(trained):
    persona, mean, instruction = (
        load_weights(trained.arm(name)) for name in ("persona", "mean_pooling", "instruction_only")
    )
    assert instruction.keys() < mean.keys() < persona.keys()
    more = persona.keys() - mean.keys()
    assert {name.partition(".")[0] for name in more - {"aggregator.slopes"}} == {"input_encoder"}


def test_each_arm_is_another_training(trained):
    arms = {name: trained.arm(name).weights_hash() for name in trained.names()}
    assert len(set(arms.values())) == len(arms)
    shuffled = load_weights(trained.arm("trained_on_shuffled"))
    assert shuffled.keys() == load_weights(trained.arm("persona")).keys()  # the same parameters
    assert {name for name in arms if trained.llm(name) is not None} == {"retrieval_tuned"}


def test_no_train_questions_for_the_embedder_is_an_error(artifacts, recipe, tmp_path):
    from components.histories.tables import write_histories

    histories = artifacts.histories
    evaluated = histories.questions.filter(lambda row: row["split"] != "train")
    empty = write_histories(tmp_path / "empty", histories.items, evaluated)
    with pytest.raises(ValueError, match="no training questions"):
        train(Artifacts(empty, artifacts.vectors, artifacts.llm), recipe, tmp_path / "out")


class StopError(Exception):
    """What ends a training in its middle."""


def test_an_interrupted_training_goes_on_to_the_same_weights(artifacts, recipe, trained, tmp_path):
    checkpoints = CheckpointConfig(uri=str(tmp_path / "store"), every_minutes=0.0)
    training = recipe.training.model_copy(update={"checkpoints": checkpoints})
    kept = recipe.model_copy(update={"training": training})
    seen = []

    def stop(figures, step):
        seen.append(step)
        if step == 5:
            raise StopError

    arm, record = TrainedArm(Aggregation.ATTENTION), TrainingRecord("code", stop)
    (tmp_path / "broken").mkdir()
    with pytest.raises(StopError):
        train_user_embedder(artifacts, kept, arm, tmp_path / "broken", record)
    [key] = (tmp_path / "store").iterdir()
    assert [folder.name for folder in sorted(key.iterdir())] == ["step-00000003", "step-00000004"]

    (tmp_path / "whole").mkdir()
    seen.clear()
    later = TrainingRecord("code", lambda figures, step: seen.append(step))
    whole = train_user_embedder(artifacts, kept, arm, tmp_path / "whole", later)
    assert min(seen) == 5
    assert whole.weights_hash() == trained.arm("persona").weights_hash()
    assert whole.curve() == trained.arm("persona").curve()
    assert not key.exists()


def test_checkpoints_are_those_of_the_same_settings_data_and_code(artifacts, recipe):
    assert find_checkpoints(artifacts, recipe, TRAINED_ARMS["persona"], "code") is None
    where = CheckpointConfig(uri="memory://store")

    def locate(changes, arm="persona", code="code"):
        training = recipe.training.model_copy(update={"checkpoints": where} | changes)
        changed = recipe.model_copy(update={"training": training})
        return find_checkpoints(artifacts, changed, find_trained_arm(arm), code).location

    here = locate({})
    assert locate({"checkpoints": where.model_copy(update={"num_kept": 5})}) == here
    others = [
        locate({"empty_rate": 0.5}),
        locate({}, "trained_on_shuffled"),
        locate({}, "persona_seed_1"),
        locate({}, code="other"),
    ]
    assert len({here, *others}) == 5
