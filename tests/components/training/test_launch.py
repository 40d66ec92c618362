"""A training in two processes is the training in one."""

import pytest
from safetensors.torch import load_file

from components.training.launch import train
from components.training.train import TrainingRecord


def run(artifacts, recipe, directory, num_processes, checkpoints=None):
    directory.mkdir()
    changes = {"num_processes": num_processes}
    if checkpoints:
        changes["checkpoints"] = {"uri": str(checkpoints), "every_minutes": 0.0}
    training = type(recipe.training).model_validate(recipe.training.model_dump() | changes)
    told = []
    record = TrainingRecord("code", lambda figures, step: told.append((step, figures)))
    recipe = recipe.model_copy(update={"training": training})
    made = train(artifacts, recipe, ["mean_pooling"], directory, record)
    return made.arm("mean_pooling"), told


def test_two_processes_learn_the_same_as_one(artifacts, recipe, tmp_path, monkeypatch):
    """Without an input encoder nothing drops out, and sums differ in their order alone."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one, _ = run(artifacts, recipe, tmp_path / "one", 1)
    two, told = run(artifacts, recipe, tmp_path / "two", 2, tmp_path / "store")
    for alone, shared in zip(one.curve(), two.curve(), strict=True):
        assert alone == pytest.approx(shared, rel=1e-3)
    expected = load_file(one.path / "user_embedder.safetensors")
    found = load_file(two.path / "user_embedder.safetensors")
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert (found[name] - weight).abs().max() < 2e-3, name
    assert two.card() == one.card()
    assert [step for step, figures in told if "mean_pooling/loss" in figures]
    assert not list((tmp_path / "store").iterdir())


def test_processes_that_fail_say_so(artifacts, recipe, tmp_path):
    fit = recipe.training.fit.model_copy(update={"batch_size": 3})
    training = recipe.training.model_copy(update={"fit": fit})
    odd = recipe.model_copy(update={"training": training})
    with pytest.raises(RuntimeError, match="training in 2 processes failed"):
        run(artifacts, odd, tmp_path / "odd", 2)
