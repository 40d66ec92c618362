"""From a configured source to tables: the hash follows the content, errors leave nothing."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.simulator_config import SimulatorConfig
from components.tasks.lamp import LAMP_3
from components.tasks.task import Task
from tests.components.histories.source_writers import write_jsonl


def make_events() -> list[dict[str, Any]]:
    """Return 10 events of each of two users."""
    return [
        {"user_id": user, "timestamp": day, "text": f"text {day}", "score": 1 + day % 3}
        for user in ("ann", "bob")
        for day in range(10)
    ]


def make_config(path: Path) -> DataConfig:
    """Return a config that reads the events."""
    section = {"path": path, "input": "text", "output": "score"}
    return DataConfig.model_validate({"source": "interactions", "interactions": section})


def test_the_hash_follows_the_content(tmp_path: Path, task: Task) -> None:
    events = make_events()
    config = make_config(write_jsonl(tmp_path / "e.jsonl", events))
    first = read_histories(config, task, 0, tmp_path / "first")
    write_jsonl(tmp_path / "e.jsonl", events)
    second = read_histories(config, task, 0, tmp_path / "second")
    assert first.content_hash() == second.content_hash()
    events[13]["text"] += "!"
    write_jsonl(tmp_path / "e.jsonl", events)
    third = read_histories(config, task, 0, tmp_path / "third")
    assert third.content_hash() != first.content_hash()


def test_runs_of_several_seeds_share_one_split_and_one_sample(tmp_path: Path, task: Task) -> None:
    events = [event | {"user_id": f"u{n}"} for n in range(20) for event in make_events()[:10]]
    path = write_jsonl(tmp_path / "e.jsonl", events)
    section = {"path": path, "input": "text", "output": "score", "split_by": "user"}
    section |= {"max_test_questions": 5}

    def read(seed: int, split_seed: int) -> str:
        config = DataConfig.model_validate(
            {"source": "interactions", "interactions": section, "split_seed": split_seed}
        )
        return read_histories(config, task, seed, tmp_path / f"{seed} {split_seed}").content_hash()

    split = read(seed=0, split_seed=0)
    assert read(seed=1, split_seed=0) == split
    assert read(seed=0, split_seed=1) != split


def test_bad_input_leaves_nothing(tmp_path: Path, task: Task) -> None:
    lines = "".join(json.dumps(event) + "\n" for event in make_events())
    path = tmp_path / "e.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-20])
    with pytest.raises(ValueError, match=r"e\.jsonl\.gz: the \.gz file is cut off"):
        read_histories(make_config(path), task, 0, tmp_path / "h")
    assert list(tmp_path.iterdir()) == [path]


def test_simulator_and_lamp_folder_give_the_same(tmp_path: Path) -> None:
    from components.histories.simulator import simulate

    simulator = SimulatorConfig(num_train_users=4, num_dev_users=2, num_test_users=2)
    simulated = read_histories(DataConfig(simulator=simulator), LAMP_3, 1, tmp_path / "simulated")
    folder = simulate(simulator, LAMP_3, 1, tmp_path / "folder")
    config = DataConfig.model_validate({"source": "lamp", "lamp": {"folder": folder}})
    from_folder = read_histories(config, LAMP_3, 1, tmp_path / "from_folder")
    assert simulated.content_hash() == from_folder.content_hash()
    assert set(simulated.limits) == {"without_user", "bayes", "oracle"}
    other = read_histories(DataConfig(simulator=simulator), LAMP_3, 2, tmp_path / "other")
    assert other.content_hash() != simulated.content_hash()
