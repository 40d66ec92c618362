"""The store of checkpoints: the newest whole one is found, a torn one is told."""

import logging
from pathlib import Path

import pytest

from components.optimization.checkpoints import Checkpoints
from components.optimization.config import CheckpointConfig


@pytest.fixture(params=["local", "memory"])
def checkpoints(request, tmp_path):
    uri = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return Checkpoints(CheckpointConfig(uri=uri), "key")


def write(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "weights").write_text(text)
    (folder / "state").write_text(text[::-1])
    return folder


def test_the_newest_is_loaded_and_older_ones_give_way(checkpoints, tmp_path):
    assert checkpoints.load_newest(tmp_path) is None
    for step in (5, 30, 200):
        checkpoints.save(step, write(tmp_path / str(step), f"of step {step}"))
    assert checkpoints.names() == ["step-00000030", "step-00000200"]
    found = checkpoints.load_newest(tmp_path)
    assert found.name == "step-00000200"
    assert (found / "weights").read_text() == "of step 200"
    assert (found / "state").read_text() == "of step 200"[::-1]
    checkpoints.clear()
    assert checkpoints.names() == []


def test_a_step_that_is_saved_again_is_the_new_one(checkpoints, tmp_path):
    checkpoints.save(1, write(tmp_path / "one", "one"))
    checkpoints.save(1, write(tmp_path / "two", "two"))
    assert (checkpoints.load_newest(tmp_path) / "weights").read_text() == "two"


def test_other_trainings_have_other_checkpoints(tmp_path):
    config = CheckpointConfig(uri=str(tmp_path / "store"))
    Checkpoints(config, "key").save(1, write(tmp_path / "one", "one"))
    assert Checkpoints(config, "other").load_newest(tmp_path) is None


def tear_manifest(step):
    (step / "manifest.json").write_text('{"weights": "12')


def drop_manifest(step):
    (step / "manifest.json").unlink()


def flip_byte(step):
    data = bytearray((step / "weights").read_bytes())
    data[0] ^= 1
    (step / "weights").write_bytes(bytes(data))


def cut(step):
    (step / "state").write_bytes((step / "state").read_bytes()[:-1])


@pytest.mark.parametrize(
    ("tear", "said"),
    [
        (tear_manifest, "its manifest.json names no hashes"),
        (drop_manifest, "it has no manifest.json, so it was never finished"),
        (flip_byte, "weights has sha256"),
        (cut, "state has sha256"),
        (lambda step: (step / "weights").unlink(), "weights is missing"),
    ],
    ids=["torn manifest", "no manifest", "a changed byte", "a cut file", "a missing file"],
)
def test_a_torn_checkpoint_is_told_and_the_one_before_serves(tmp_path, caplog, tear, said):
    checkpoints = Checkpoints(CheckpointConfig(uri=str(tmp_path / "store")), "key")
    for step in (1, 2):
        checkpoints.save(step, write(tmp_path / str(step), f"of step {step}"))
    tear(tmp_path / "store" / "key" / "step-00000002")
    (tmp_path / "found").mkdir()
    with caplog.at_level(logging.WARNING):
        found = checkpoints.load_newest(tmp_path / "found")
    assert found.name == "step-00000001"
    assert (found / "weights").read_text() == "of step 1"
    [message] = caplog.messages
    assert "step-00000002 is left out: " + said in message
