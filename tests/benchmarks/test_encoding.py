"""Ratios are medians within a round, only faithful back ends count; the command prints them."""

import json
import sys

import numpy as np
import pytest

from benchmarks import encoding
from benchmarks.encoding import LOOP, ONE_CALL, main, read_users, summarize
from components.encoders.config import REFERENCE
from tests.components.tiny_models import write_sentence_encoder


def test_ratios_are_of_rounds_and_the_fastest_faithful_back_end_is_named():
    """One call by float32: 4/2, 6/2 and 8/8, so 2; by bfloat16 4/1, 6/2, 8/2, so 4."""
    seconds = {
        LOOP: [(8.0, 8.0), (8.0, 8.0), (8.0, 8.0)],
        ONE_CALL: [(4.0, 9.0), (6.0, 9.0), (8.0, 9.0)],
        REFERENCE: [(2.0, 3.0), (2.0, 3.0), (8.0, 3.0)],
        "torch-bfloat16": [(1.0, 1.0), (2.0, 1.0), (2.0, 1.0)],
        "openvino-int8": [(0.1, 0.1), (0.1, 0.1), (0.1, 0.1)],
    }
    unit = np.array([[1.0, 0.0]])
    vectors = dict.fromkeys(seconds, unit)
    vectors["torch-bfloat16"] = np.array([[0.99, 0.141067]])
    vectors["openvino-int8"] = np.array([[0.6, 0.8]])
    found = summarize(seconds, vectors, least_cosine=0.98)
    assert found["speedup_vs_one_call"] == 2
    assert found["speedup_vs_loop"] == 4
    assert (found["fast_backend"], found["fast_speedup"]) == ("torch-bfloat16", 4)
    assert found["fast_cosine_p01"] == pytest.approx(0.99, abs=1e-6)
    assert found["wall"]["fast_speedup"] == 9
    assert found["back_ends"]["openvino-int8"]["cosine_p01"] == pytest.approx(0.6)
    none = summarize(seconds, vectors, least_cosine=0.995)
    assert (none["fast_backend"], none["fast_speedup"], none["fast_cosine_p01"]) == (None,) * 3


def test_whole_users_are_read_with_distinct_texts(tmp_path):
    path = tmp_path / "events.jsonl"
    rows = [("ann", "a"), ("bob", "b"), ("ann", "c"), ("ann", "a"), ("bob", "c"), ("cy", "d")]
    path.write_text("".join(json.dumps({"who": u, "text": t}) + "\n" for u, t in rows))
    users = read_users(path, "who", "text", 10)
    assert sorted(text for texts in users for text in texts) == ["a", "b", "c", "d"]
    assert ["d"] in users
    assert sum(map(len, read_users(path, "who", "text", 2))) == 2


def test_the_command_ends_with_one_json_object(monkeypatch, capsys, tmp_path):
    encoder = write_sentence_encoder(tmp_path / "encoder")
    given = ["encoding", "--encoder", str(encoder), "--texts", "30", "--rounds", "1", "--json"]
    monkeypatch.setattr(sys, "argv", given)
    monkeypatch.setattr(encoding.torch, "set_num_threads", lambda _: None)  # of all the tests
    main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = ("speedup_vs_loop", "speedup_vs_one_call", "fast_speedup")
    assert all(result[name] > 0 for name in names)
    assert result["fast_backend"] != REFERENCE
    assert 0.98 <= result["fast_cosine_p01"] <= 1
    assert result["largest_difference"] < 1e-3  # a float16 step
    assert (result["texts"], result["users"]) == (30, 2)
    assert set(result["back_ends"]) == {
        REFERENCE,
        "torch-bfloat16",
        "openvino-float32",
        "openvino-bfloat16",
        "openvino-int8",
    }
    assert (result["first_run_encoded"], result["second_run_encoded"]) == (30, 0)
    assert result["two_processes_speedup"] > 0
