"""Phases and the drain are told apart by hand-made times; the whole course at a tiny size."""

import pytest

from benchmarks.load_generator import Asked
from benchmarks.postgres_server import find_binaries
from benchmarks.serving_overload import (
    NUM_CLIENTS,
    Champion,
    Marks,
    Scale,
    count_drain,
    count_phases,
    find_faults,
    overload,
)
from components.serving.bundle import ServingBundle
from components.serving.engines.config import EngineConfig
from tests.benchmarks.tiny_shape import make_tiny_shape

MARKS = Marks(killed=10, restarted=20, swapped=30, terminated=40)
ASKED = [
    Asked(1, 2, 200, "1", "full"),
    Asked(12, 13, 200, "1", "none"),
    Asked(19, 21, 429, code="engine_busy"),
    Asked(25, 26, 200, "1", "full"),
    Asked(31, 32, 200, "2", "full"),
    Asked(38, 45, 200, "2", "full"),
    Asked(39, 41, 0, code="ReadError"),
    Asked(41, 42, 0, code="ConnectError"),
]


def test_a_request_belongs_to_the_time_when_it_was_begun():
    found = count_phases(ASKED, MARKS)
    assert {phase: figures["requests"] for phase, figures in found.items()} == {
        "calm": 1,
        "store_down": 2,
        "store_back": 1,
        "champion_swapped": 3,
        "terminated": 1,
    }
    assert found["store_down"]["statuses"] == {"200": 1, "429": 1}
    assert found["store_down"]["personas"] == {"none": 1}
    assert found["champion_swapped"]["versions"] == {"2": 2}


def test_the_drain_is_of_requests_that_were_open():
    assert count_drain(ASKED, MARKS) == {
        "open_at_sigterm": 2,
        "without_an_answer": 1,
        "last_answer_after_seconds": 5,
        "later": {"ConnectError": 1},
    }


def test_what_is_not_as_it_must_be_is_named():
    fine = {
        "errors": 0,
        "overload": {"statuses": {"200": 5, "429": 1}},
        "phases": count_phases(ASKED, MARKS),
        "drain": {"without_an_answer": 0},
        "log": {"swapped": True, "shut_down": True, "server_errors": 0},
    }
    assert find_faults(fine) == []
    assert find_faults(fine | {"errors": 1}) == ["a request failed"]
    drained = fine | {"drain": count_drain(ASKED, MARKS)}
    assert find_faults(drained) == ["a request that was open at SIGTERM got no answer"]
    idle = fine | {"overload": {"statuses": {"200": 6}}}
    assert find_faults(idle) == ["the gateway was never too busy"]
    calm = {"versions": {"1": 4}, "personas": {"full": 4}}
    phases = dict.fromkeys(fine["phases"], calm)
    assert find_faults(fine | {"phases": phases}) == [
        "the store was not down",
        "the other champion never answered",
    ]


def test_another_bundle_takes_the_place_of_the_champion(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bundle.json").write_text(name)
    bundles = [ServingBundle.at(tmp_path / name) for name in ("one", "other")]
    champion = Champion(tmp_path / "champion", bundles[0])
    assert (champion.path / "bundle.json").read_text() == "one"
    champion.replace(bundles[1])
    assert (champion.path / "bundle.json").read_text() == "other"


@pytest.mark.slow
def test_nothing_fails_while_everything_changes(tmp_path):
    pytest.importorskip("psycopg")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    (tmp_path / "run").mkdir()
    # One by one, or the tiny models would be faster than the load generator; and who finds the rate
    # is never sent away, or the gateway would be busy with that.
    engine = EngineConfig(max_batch_size=1, max_waiting=NUM_CLIENTS)
    scale = Scale(60.0, hold_seconds=5.0, shape=make_tiny_shape(tmp_path), engine=engine)
    found = overload(scale, tmp_path / "run", binaries)
    assert find_faults(found) == []
    assert found["drain"]["open_at_sigterm"] > 0
