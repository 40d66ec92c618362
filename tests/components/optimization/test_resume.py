"""A fit that was interrupted goes on, and ends with the weights of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.components.optimization.a_fit import run

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def undisturbed():
    return run(None)


def assert_equal(found, expected):
    (weights, curve), (expected_weights, expected_curve) = found, expected
    assert weights.keys() == expected_weights.keys()
    assert all(torch.equal(weights[name], expected_weights[name]) for name in weights)
    assert curve == expected_curve


def test_checkpoints_change_nothing_and_are_gone_at_the_end(undisturbed, tmp_path):
    assert_equal(run(tmp_path / "store"), undisturbed)
    assert not (tmp_path / "store" / "key").exists()


@pytest.mark.parametrize("breaks_at", [2, 5, 9, 12, 24, 25, 30, 48, 49, 60])
def test_an_interrupted_fit_ends_as_an_undisturbed_one(undisturbed, tmp_path, breaks_at):
    """In the first step, at an epoch's ends, in the middle, and in the last one."""
    with pytest.raises(InterruptedError):
        run(tmp_path / "store", breaks_at)
    assert_equal(run(tmp_path / "store"), undisturbed)


def test_a_fit_that_is_interrupted_again_and_again_ends_as_an_undisturbed_one(
    undisturbed, tmp_path
):
    """Each run reads one batch ahead, and so is interrupted a step or two further on."""
    for _ in range(4):
        with pytest.raises(InterruptedError):
            run(tmp_path / "store", 14)
    assert_equal(run(tmp_path / "store"), undisturbed)


def test_what_was_done_is_not_done_again(tmp_path):
    with pytest.raises(InterruptedError):
        run(tmp_path / "store", 48)
    told = []
    run(tmp_path / "store", log_metrics=lambda figures, step: told.append(step))
    assert min(told) >= 10


def test_a_checkpoint_holds_what_is_trained_and_nothing_of_what_is_frozen(tmp_path):
    with pytest.raises(InterruptedError):
        run(tmp_path / "store", 30)
    folders = sorted((tmp_path / "store" / "key").iterdir())
    assert len(folders) == 2
    names = {"body.weight", "body.bias", "head.weight", "head.bias"}
    for file in ("trained.safetensors", "best.safetensors"):
        assert set(load_file(folders[-1] / file)) == names
    assert {path.name for path in folders[-1].iterdir()} == {
        "best.safetensors",
        "fit_state.json",
        "manifest.json",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "trained.safetensors",
        "trainer_state.json",
    }


@pytest.mark.parametrize("file", ["trained.safetensors", "optimizer.pt", "manifest.json"])
def test_a_torn_checkpoint_is_left_out(undisturbed, tmp_path, file):
    with pytest.raises(InterruptedError):
        run(tmp_path / "store", 30)
    newest = sorted((tmp_path / "store" / "key").iterdir())[-1]
    data = bytearray((newest / file).read_bytes())
    data[len(data) // 2] ^= 1
    (newest / file).write_bytes(bytes(data))
    assert_equal(run(tmp_path / "store"), undisturbed)


def start(*arguments):
    command = [sys.executable, "-m", "tests.components.optimization.a_fit"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(out):
    return load_file(out / "weights.safetensors"), json.loads((out / "curve.json").read_text())


def wait_for_checkpoint(store, step):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if sorted(store.glob("key/step-*/manifest.json"))[-1:] >= [
            store / "key" / f"step-{step:08d}" / "manifest.json"
        ]:
            return
        time.sleep(0.02)
    raise TimeoutError(f"no checkpoint of step {step}")


def test_sigterm_saves_and_ends_and_the_next_run_goes_on(undisturbed, tmp_path):
    store = tmp_path / "store"
    process = start(store, tmp_path, 0.2, 2.5)
    wait_for_checkpoint(store, 3)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < 20
    assert process.returncode != 0
    assert "StoppedError: told to end at step" in errors
    assert "the last checkpoint is of step" in errors
    assert_equal(run(store), undisturbed)


def kill_often(store, out, times, num_epochs):
    """Start the program and kill it, as it starts or soon after it saved; then let it finish."""
    dice = random.Random(times)
    for _ in range(times):
        seen = set(store.glob("key/step-*"))
        process = start(store, out, 0.1, num_epochs)
        if seen and dice.random() < 0.25:
            time.sleep(dice.uniform(0.0, 4.0))
        else:
            while set(store.glob("key/step-*")) <= seen:
                time.sleep(0.01)
            time.sleep(dice.uniform(0.0, 0.3))
        assert process.poll() is None, "it ended before it was killed"
        process.kill()
        process.communicate()
    process = start(store, out, 0.0, num_epochs)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


@pytest.mark.parametrize(
    ("times", "num_epochs"),
    [(3, 2.5), pytest.param(20, 20.0, marks=pytest.mark.slow)],
    ids=["3 kills", "20 kills"],
)
def test_a_fit_that_is_killed_ends_as_an_undisturbed_one(tmp_path, times, num_epochs):
    kill_often(tmp_path / "store", tmp_path, times, num_epochs)
    assert_equal(read(tmp_path), run(None, num_epochs=num_epochs))


def test_a_full_disk_leaves_the_checkpoint_before_and_the_fit_goes_on(undisturbed, tmp_path):
    """From the fifth step on no file of more than a few bytes can be written."""
    store = tmp_path / "store"
    process = start(store, tmp_path, 0.0, 2.5, 5, 50)
    _, errors = process.communicate(timeout=60)
    assert "the checkpoint of step 6 could not be written: " in errors
    assert "InterruptedError" in errors
    left = sorted(path.name for path in (store / "key").glob("step-*/manifest.json"))
    assert len(left) > 0
    assert sorted(path.name for path in (store / "key").iterdir())[-1] < "step-00000006"
    assert_equal(run(store), undisturbed)
