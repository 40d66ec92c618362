"""Slopes, shares and ratios worked by hand; the whole at a tiny size, in processes."""

import asyncio
import math
from contextlib import closing
from time import sleep

import pytest
import torch

from benchmarks.memory_slope import find_medians, find_slope
from benchmarks.persona_path import PathSeconds, PathTimer, summarize_path
from benchmarks.serving import Scale, find_share, measure_all
from benchmarks.serving_world import SETTINGS, make_bundle, make_world
from components.serving.gateway.settings import read_settings
from components.serving.gateway.tenant_stores import TenantStores
from tests.benchmarks.tiny_shape import USERS, make_tiny_shape


def test_memory_grows_by_what_it_does_in_a_thousand_requests():
    """One request every 10 ms, and 30 bytes in each of them."""
    ended = [number / 100 for number in range(1, 2001)]
    samples = [(second, 5000 + 3000 * second) for second in range(1, 20)]
    assert find_slope(samples, ended) == pytest.approx(30_000)
    assert find_medians(samples[:3]) == [8000, 11_000, 14_000]
    assert find_medians([(0, size) for size in (*range(18), 90, 91)]) == [
        *(2 * tenth + 0.5 for tenth in range(9)),
        90.5,
    ]
    with pytest.raises(ValueError, match="1 samples of memory"):
        find_slope(samples[:1], ended)


def test_a_share_is_of_what_was_spent_between_two_readings():
    """1 + 2 + 1 of 20 seconds; what stood there before does not count."""
    stage, whole = "persona_plug_stage_seconds_sum", "persona_plug_request_seconds_sum"
    chat = "/v1/chat/completions"
    before = {(stage, "store"): 5.0, (whole, chat): 50.0}
    after = {(stage, "store"): 6.0, (stage, "encode_input"): 2.0, (stage, "aggregate"): 1.0}
    after |= {(stage, "llm"): 15.0, (whole, chat): 70.0, (whole, "/metrics"): 3.0}
    assert find_share(before, after) == pytest.approx(0.2)


def test_the_path_is_all_of_its_stages_over_the_bare_forward():
    """By the clock 10/8, 12/8 and 20/8; by the processor 9/8, 9/6 and 6/8."""
    taken = [
        PathSeconds(1, 1, 7, 1, path_cpu=9, bare=8, bare_cpu=8),
        PathSeconds(3, 1, 7, 1, path_cpu=9, bare=8, bare_cpu=6),
        PathSeconds(1, 1, 17, 1, path_cpu=6, bare=8, bare_cpu=8),
    ]
    found = summarize_path(taken)
    assert (found["persona_path_ratio"], found["persona_path_ratio_wall"]) == (9 / 8, 12 / 8)
    assert found["persona_path_ms"]["encode"] == 7000
    assert found["persona_path_questions"] == 3


@pytest.fixture
def one_thread():
    """Torch's threads spin while they wait for each other, and that is the processor's time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_each_second_of_a_path_is_told_by_its_own_name(tmp_path, one_thread):
    """An input encoder that takes 30 ms longer without the processor: the clock alone sees it."""
    bundle = make_bundle(make_tiny_shape(tmp_path), tmp_path / "made", "1", seed=0)
    (tmp_path / "world").mkdir()
    world = make_world(bundle, tmp_path / "world", USERS, "personas", {})
    model, settings = bundle.load(), read_settings(tmp_path / "world" / SETTINGS)
    card = model.card
    stores = TenantStores.open(
        settings.store, settings.tenants, card.encoder_fingerprint, card.encoder_dim, world.folder
    )
    with closing(stores), asyncio.Runner() as runner:
        timer = PathTimer(model, stores)
        model.persona_llm.embedder.input_encoder.register_forward_pre_hook(lambda *_: sleep(0.03))
        for is_bare_first in (True, False):
            took = runner.run(timer.time(world.questions[0], is_bare_first=is_bare_first))
            assert took.encode > 0.03 < took.bare
            assert took.store + took.collate + took.aggregate > 0
            assert 0 < took.bare_cpu < took.bare - 0.02
            assert 0 < took.path_cpu < took.path - 0.02


@pytest.mark.slow
def test_a_tiny_world_is_measured_by_processes(tmp_path):
    scale = Scale(
        seconds=1.0,
        num_requests=300,
        num_rounds=1,
        num_path_questions=10,
        shape=make_tiny_shape(tmp_path),
    )
    (tmp_path / "world").mkdir()
    found = measure_all(None, scale, tmp_path / "world")
    assert found["errors"] == 0
    shares = found["persona_share_1_token"], found["persona_share_64_tokens"]
    assert 0 < shares[1] < shares[0] < 1
    names = ("persona_path_ratio", "requests_ratio_vs_retrieval", "batching_speedup_16")
    assert all(found[name] > 0 for name in names)
    assert math.isfinite(found["rss_slope_bytes_per_1000"])
    assert found["loads"]["memory"][0]["statuses"] == {"200": 300}
