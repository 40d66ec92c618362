"""Whether a training is due, by numbers worked by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from components.histories.events import FileMark, FilesWatermark, StoreWatermark
from components.lineage.config import DriftConfig, RetrainingConfig
from components.lineage.data_profile import DataProfile
from components.lineage.drift import DriftReport, Status
from components.lineage.retraining import (
    LastTraining,
    NewData,
    Today,
    Trained,
    count_in_files,
    count_later,
    count_new_data,
    decide_retraining,
    find_moved,
    find_newest_trained,
)
from tests.components.lineage.profiles import build_profile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUT = datetime(2026, 2, 1)
STORE = StoreWatermark(tenant="a", fingerprint="e", generation=2, sequences=(10, 0))


def make_files(**items: int) -> FilesWatermark:
    """Return files of as many items; their content goes by that number, and says nothing of it."""
    files = [
        FileMark(name=name, size_bytes=1000, sha256=str(count), num_items=count)
        for name, count in items.items()
    ]
    return FilesWatermark(files=tuple(files))


def make_last(**changes: Any) -> LastTraining:
    fields = {
        "version": "3",
        "registered_at": NOW - timedelta(days=30),
        "profile": build_profile(),
        "watermark": make_files(january=5000),
    }
    return LastTraining(**(fields | changes))


def make_today(num_new: int = 0, **changes: Any) -> Today:
    fields = {
        "now": NOW,
        "profile": build_profile(num_items=5000 + num_new, num_users=1002),
        "watermark": make_files(january=5000, february=num_new),
        "newer_than": CUT,
        "num_questions": 100,
    }
    return Today(**(fields | changes))


def make_drift(status: Status = "stable", champion: str | None = "2") -> DriftReport:
    return DriftReport(
        status=status,
        verdict="",
        champion_version=champion,
        champion=None,
        today=build_profile(),
        measures=[],
    )


def decide(
    num_new: int, drift: DriftReport | None = None, last: LastTraining | None = None, **config: Any
) -> tuple[bool, str]:
    drift = drift or make_drift()
    today = make_today(num_new, moved=drift.status)
    decision = decide_retraining(RetrainingConfig(**config), today, drift, last or make_last())
    return decision.due, decision.reason


@pytest.mark.parametrize(
    ("num_new", "config", "due", "reason"),
    [
        (0, {}, False, "Skipped: nothing is new since version 3."),
        (499, {}, False, "499 new items since version 3, 500 would be enough; the data are stable"),
        (500, {}, True, "Due: 500 new items since version 3; 500 are enough."),
        (400, {"min_new_items": 400}, True, "400 are enough"),
        (499, {"min_new_share": None}, False, "10000 would be enough"),
        (499, {"min_new_share": None, "min_new_items": None}, False, "version 3; the data are"),
        (1, {"max_days": 30}, True, "Due: 1 new items since version 3; it is 30.0 days old."),
        (1, {"max_days": 30.5}, False, "Skipped: 1 new items"),
        (0, {"max_days": 30}, False, "nothing is new"),
    ],
)
def test_volume_and_age(num_new: int, config: dict[str, Any], due: bool, reason: str) -> None:
    found = decide(num_new, **config)
    assert found[0] is due
    assert reason in found[1]


def test_drift_is_reason_enough_if_anything_is_new() -> None:
    drifted = make_drift("drifted")
    said = "Due: 1 new items since version 3; the data have drifted from the champion's."
    assert decide(1, drifted) == (True, said)
    assert decide(0, drifted)[0] is False
    assert decide(1, drifted, on_drift=False)[0] is False
    assert "; 500 are enough and the data have drifted" in decide(500, drifted)[1]


def test_drift_that_the_last_training_saw_is_no_reason_for_another() -> None:
    far = build_profile(label_shares={"a": 0.1, "b": 0.9})
    refused = make_last(profile=far)
    near = make_last(profile=build_profile())
    assert find_moved(DriftConfig(), far, refused) == "stable"
    assert find_moved(DriftConfig(), far, near) == "drifted"
    assert find_moved(DriftConfig(), far, make_last(profile=None)) == "not_comparable"
    assert find_moved(DriftConfig(), far, None) == "not_comparable"
    today = make_today(1, moved="stable")
    decision = decide_retraining(RetrainingConfig(), today, make_drift("drifted"), refused)
    assert (decision.due, decision.reason) == (
        False,
        "Skipped: 1 new items since version 3, 500 would be enough; the data have drifted from the "
        "champion's, and hardly since then.",
    )


def test_drift_that_is_no_reason_is_said_as_it_is() -> None:
    skipped = decide(1, make_drift("drifted"), on_drift=False)
    assert skipped[1].endswith("500 would be enough; the data are drifted.")


def test_without_a_training_or_a_champion_it_is_due() -> None:
    config, today = RetrainingConfig(), make_today()
    first = decide_retraining(config, today, make_drift("not_comparable", None), None)
    assert (first.due, first.last_version, first.new) == (True, None, None)
    assert decide(0, make_drift("not_comparable", None)) == (
        True,
        "Due: there is no champion yet, version 3 was refused.",
    )


@pytest.mark.parametrize("champion", ["2", None])
def test_a_training_that_broke_off_is_gone_on_with_whatever_is_new(champion: str | None) -> None:
    last = make_last(unfinished="was trained but never decided upon")
    said = "Due: version 3 was trained but never decided upon: its run broke off."
    drift = make_drift("drifted", champion)
    assert decide(0, drift, last) == decide(5000, drift, last) == (True, said)
    today = make_today(num_questions=99)  # nothing could be decided now either
    assert not decide_retraining(RetrainingConfig(), today, make_drift(), last).due


def test_what_nobody_knows_is_no_reason_to_wait() -> None:
    assert decide(0, last=make_last(profile=None)) == (
        True,
        "Due: what version 3 was trained on is not known any more.",
    )


def test_with_too_few_questions_that_are_new_to_both_nothing_is_trained() -> None:
    config, today = RetrainingConfig(), make_today(4000, num_questions=99)
    decision = decide_retraining(config, today, make_drift("drifted"), make_last())
    assert (decision.due, decision.reason) == (
        False,
        "Skipped: 99 questions are newer than 2026-02-01 00:00:00, up to when was trained, and 100 "
        "are needed to compare with the champion.",
    )
    undated = today.model_copy(update={"newer_than": None})  # users keep them apart, not time
    assert decide_retraining(config, undated, make_drift(), make_last()).due


def test_files_are_counted_by_what_came_to_them() -> None:
    then = make_files(same=7, grown=10, gone=1, rewritten=20)
    now = make_files(same=7, grown=13, rewritten=5, new=4)
    assert count_in_files(now, then) == 0 + 3 - 1 + 0 + 4


@pytest.mark.parametrize(
    "now",
    [
        {"both": 210},  # merged
        {"january.gz": 100, "february.gz": 110},  # compressed
        {"jan": 99, "february": 110},  # renamed, and without an erased user's lines
        {"february": 110},  # kept no longer
    ],
)
def test_the_same_items_in_files_of_other_bytes_are_no_news(now: dict[str, int]) -> None:
    then = make_files(january=100, february=110)
    num_gone = 210 - sum(now.values())
    for num_new in (0, 30):
        files = make_files(**now, march=num_new).files
        others = tuple(file.model_copy(update={"sha256": file.name}) for file in files)
        found = count_in_files(FilesWatermark(files=others), then)
        assert found == max(0, num_new - num_gone)


def test_what_a_file_holds_is_known_by_whatever_name() -> None:
    then = make_files(current=7, january=5)
    assert count_in_files(make_files(february=7, first=5), then) == 0
    assert count_in_files(make_files(january=7, current=5), then) == 0
    # Another month's file took the old name: all of it is new.
    assert count_in_files(make_files(february=7, january=5, current=3), then) == 3


def test_an_erasure_is_no_news_and_what_came_with_it_is() -> None:
    then, erased = make_files(january=5000), make_files(january=4990)
    for num_later in (0, 30):
        today = make_today(watermark=erased, num_later=num_later)
        new = count_new_data(today, make_last(watermark=then))
        assert new is not None
        assert new.num_items == num_later
    late = make_today(watermark=make_files(january=5020), num_later=3)
    new = count_new_data(late, make_last(watermark=then))
    assert new is not None
    assert new.num_items == 20  # 17 of them older than what was known


def test_later_is_what_is_newer_than_the_newest_item() -> None:
    times = pa.chunked_array([[CUT, None], [CUT + timedelta(seconds=1), NOW.replace(tzinfo=None)]])
    last = make_last(profile=build_profile(newest_time=CUT.isoformat()))
    assert count_later(times, last) == 2
    assert count_later(times.slice(0, 2), last) == 0
    assert count_later(pa.chunked_array([], pa.timestamp("us")), last) == 0
    assert count_later(times, make_last()) == count_later(times, None) == 0


@pytest.mark.parametrize(
    ("today", "then", "num_items", "counted_by"),
    [
        (STORE.model_copy(update={"sequences": (40, 5)}), STORE, 35, "watermark"),
        # The other rows are of other tenants.
        (STORE.model_copy(update={"sequences": (90, 5)}), STORE, 40, "watermark"),
        # A batch published another generation: what it brought stands in no sequence.
        (STORE.model_copy(update={"generation": 3}), STORE, 40, "watermark"),
        (STORE.model_copy(update={"fingerprint": "other"}), STORE, 40, "totals"),
        (STORE, make_files(a=1), 40, "totals"),
        (None, None, 40, "totals"),
    ],
)
def test_what_is_new(today: Any, then: Any, num_items: int, counted_by: str) -> None:
    new = count_new_data(make_today(40, watermark=today), make_last(watermark=then))
    assert new == NewData(num_items=num_items, num_users=2, counted_by=counted_by)


def test_other_tenants_rows_are_no_news_and_items_in_place_of_older_ones_are() -> None:
    more = STORE.model_copy(update={"sequences": (990, 5)})
    for num_later in (0, 30):
        today = make_today(watermark=more, num_later=num_later)
        new = count_new_data(today, make_last(watermark=STORE))
        assert new is not None
        assert new.num_items == num_later


def test_fewer_items_than_before_are_none_new() -> None:
    today = make_today(watermark=None, profile=build_profile(num_items=10, num_users=3))
    new = count_new_data(today, make_last())
    assert new is not None
    assert (new.num_items, new.num_users) == (0, 0)


def make_trained(profile: DataProfile | None) -> Trained:
    return Trained(version="2", registered_at=NOW, profile=profile)


def test_the_newest_question_that_anybody_was_trained_on() -> None:
    candidate = build_profile(newest_trained="2026-01-05T00:00:00")
    champion = make_trained(
        build_profile(newest_trained="2026-01-07T10:00:00", newest_time="2026-02-01T00:00:00")
    )
    old = make_trained(build_profile(newest_time="2026-01-09T00:00:00"))  # an older code's
    assert find_newest_trained(candidate, [champion]) == datetime(2026, 1, 7, 10)
    assert find_newest_trained(candidate, [champion, old]) == datetime(2026, 1, 9)
    assert find_newest_trained(candidate, []) is None
    assert find_newest_trained(build_profile(), [make_trained(build_profile())]) is None


def test_who_was_trained_on_nobody_knows_what_saw_nothing_after_its_registration() -> None:
    lost, champion = make_trained(None), make_trained(build_profile())
    assert find_newest_trained(build_profile(), [champion, lost]) == NOW.replace(tzinfo=None)
    today = make_today(4000, num_questions=99, unknown=("2",))
    decision = decide_retraining(RetrainingConfig(), today, make_drift(), make_last())
    assert "when was trained; of version 2 only when it was registered is known, and" in (
        decision.reason
    )


def test_nothing_being_reason_enough_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="nothing is reason enough: set one of min_new_items"):
        RetrainingConfig(min_new_items=None, min_new_share=None, on_drift=False)
