"""Whether to train again: what is new since the last training, and whether that is reason enough.

Pure functions: what the last training had, and what there is today, are given.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from components.config import Config
from components.histories.events import FilesWatermark, StoreWatermark, Watermark
from components.histories.tables import Split
from components.lineage.config import DriftConfig, RetrainingConfig
from components.lineage.data_profile import DataProfile
from components.lineage.drift import DriftReport, Status, compare_profiles

SECONDS_PER_DAY = 86_400


class RetrainingRecipe(Config):
    """What the decision hangs on, beside the data."""

    config: RetrainingConfig = Field(description="What is reason enough.")
    drift: DriftConfig = Field(description="How far data may be from those of a training.")
    task_name: str = Field(description="Whose models.")
    evaluated_split: Split = Field(description="Whose questions are evaluated.")
    is_dated: bool = Field(
        description="Whether questions are held out by their time: only newer ones are fair then."
    )


class Trained(Config):
    """A registered version, by what it was trained on."""

    version: str = Field(description="In the model registry.")
    registered_at: datetime = Field(description="When, in UTC.")
    profile: DataProfile | None = Field(description="Its data; None if they can't be read.")

    def find_newest(self) -> datetime | None:
        """Return a time after which it was trained on no question; None if it knew no times.

        Where the profile doesn't tell, it is the time of its newest item, which is never earlier;
        without a profile it is when it was registered: what came later it can't have seen.
        """
        if self.profile is None:
            return self.registered_at.replace(tzinfo=None)
        newest = self.profile.newest_trained or self.profile.newest_time
        return None if newest is None else datetime.fromisoformat(newest)


class LastTraining(Trained):
    """The version of a task that was registered or judged last."""

    watermark: Watermark | None = Field(description="Up to where its source was read, if known.")
    unfinished: str | None = Field(
        None, description="What its run didn't come to; None: it came to its end."
    )


class Today(Config):
    """What a training would have."""

    now: datetime = Field(description="In UTC.")
    profile: DataProfile = Field(description="The data.")
    moved: Status = Field(
        "not_comparable", description="Whether they have drifted from those of the last training."
    )
    watermark: Watermark | None = Field(description="Up to where the source was read, if known.")
    newer_than: datetime | None = Field(
        description="Only questions after this time would be evaluated; None: all."
    )
    num_questions: int = Field(ge=0, description="Questions that would be evaluated.")
    unknown: tuple[str, ...] = Field(
        (),
        description="Versions in office of whom is only known when they were registered.",
    )
    num_later: int = Field(
        0, ge=0, description="Items later than the newest one of the last training."
    )


class NewData(Config):
    """How much came since the last training."""

    num_items: int = Field(ge=0, description="New history items.")
    num_users: int = Field(ge=0, description="How many more users there are.")
    counted_by: Literal["watermark", "totals"] = Field(
        description=(
            "watermark: what the last training's doesn't cover; totals: how many more items there "
            "are, as the source has no watermark or is another one."
        )
    )


class RetrainingDecision(Config):
    """Whether a training is due, and why."""

    due: bool = Field(description="Whether to train.")
    reason: str = Field(description="Why, or why not, in one sentence with figures.")
    last_version: str | None = Field(description="The version trained last; None if there is none.")
    new: NewData | None = Field(description="What came since; None if that can't be known.")
    drift: Status = Field(description="Of the data from the champion's.")
    watermark: Watermark | None = Field(description="Up to where the source was read today.")
    newer_than: datetime | None = Field(
        description="Only evaluated questions after this time (UTC) count; None: all."
    )
    num_questions: int = Field(ge=0, description="How many these are.")


def find_newest_trained(today: DataProfile, incumbents: Sequence[Trained]) -> datetime | None:
    """Return the time after which no question was trained on, by candidate, champion or reference.

    Returns:
        The time, UTC; None without an incumbent, since then nobody is compared, and without times.
    """
    candidate = today.newest_trained and datetime.fromisoformat(today.newest_trained)
    known = [time for time in (candidate, *(one.find_newest() for one in incumbents)) if time]
    return max(known) if incumbents and known else None


def count_new_data(today: Today, last: LastTraining) -> NewData | None:
    """Count what came since the last training; None if its data are not known."""
    if last.profile is None:
        return None
    grown = max(0, today.profile.num_items - last.profile.num_items)
    num_users = max(0, today.profile.num_users - last.profile.num_users)
    match today.watermark, last.watermark:
        case FilesWatermark() as now, FilesWatermark() as then:
            counted = max(count_in_files(now, then), today.num_later)
        case StoreWatermark() as now, StoreWatermark() as then if is_same_store(now, then):
            counted = max(grown, today.num_later)
            if now.generation == then.generation:  # what a batch brings is never appended
                counted = min(counted, count_appended(now, then))
        case _:
            return NewData(num_items=grown, num_users=num_users, counted_by="totals")
    return NewData(num_items=counted, num_users=num_users, counted_by="watermark")


def count_in_files(now: FilesWatermark, then: FilesWatermark) -> int:
    """Count the items of files that are new, and what others have more than before.

    Content is known whatever its name. Of a file that was written anew, as without an erased user's
    lines, what it has more than before is new; what was exchanged shows by its times only. Files
    that are gone may have been merged, compressed or renamed into new ones: they count against
    these.
    """
    known, kept = ({file.sha256 for file in one.files} for one in (then, now))
    before = {file.name: file.num_items for file in then.files if file.sha256 not in kept}
    changed = {file.name: file.num_items for file in now.files if file.sha256 not in known}
    gained = sum(max(0, count - before.get(name, 0)) for name, count in changed.items())
    gone = sum(count for name, count in before.items() if name not in changed)
    return max(0, gained - gone)


def count_later(times: pa.ChunkedArray, last: LastTraining | None) -> int:
    """Count the items that are later than the newest one of the last training.

    Args:
        times: Of today's items, UTC; null where unknown.
        last: The last training; None before the first.
    """
    if last is None or last.profile is None or last.profile.newest_time is None:
        return 0
    newest = datetime.fromisoformat(last.profile.newest_time)
    return int(pc.sum(pc.greater(times, newest)).as_py() or 0)


def is_same_store(now: StoreWatermark, then: StoreWatermark) -> bool:
    """Return whether two watermarks can be compared: one tenant, encoder and number of shards."""
    return (now.tenant, now.fingerprint, len(now.sequences)) == (
        *(then.tenant, then.fingerprint, len(then.sequences)),
    )


def count_appended(now: StoreWatermark, then: StoreWatermark) -> int:
    """Count the rows that were appended in between, those of other tenants of the store too.

    So they are the most that can be new; how many are the tenant's own shows in her data.
    """
    pairs = zip(now.sequences, then.sequences, strict=True)
    return sum(max(0, after - before) for after, before in pairs)


def find_moved(config: DriftConfig, today: DataProfile, last: LastTraining | None) -> Status:
    """Return whether the data have drifted since the last training.

    One that was refused leaves the champion's data as far away as they were: asked about these
    alone, a schedule would train the same in vain each time.

    Args:
        config: How far data may be from those of a training.
        today: Today's data.
        last: The last training; None before the first.
    """
    if last is None or last.profile is None:
        return "not_comparable"
    return compare_profiles(last.profile, today, config, last.version).status


def decide_retraining(
    config: RetrainingConfig, today: Today, drift: DriftReport, last: LastTraining | None
) -> RetrainingDecision:
    """Decide whether to train again.

    Args:
        config: What is reason enough.
        today: What a training would have.
        drift: How far today's data are from the champion's.
        last: The last training; None before the first.
    """
    new = None if last is None else count_new_data(today, last)
    due, reason = _judge(config, today, drift, last, new)
    return RetrainingDecision(
        due=due,
        reason=reason,
        last_version=None if last is None else last.version,
        new=new,
        drift=drift.status,
        watermark=today.watermark,
        newer_than=today.newer_than,
        num_questions=today.num_questions,
    )


def _judge(
    config: RetrainingConfig,
    today: Today,
    drift: DriftReport,
    last: LastTraining | None,
    new: NewData | None,
) -> tuple[bool, str]:
    """Return whether a training is due, and the reason."""
    if last is None:
        return True, "Due: nothing has been trained yet."
    if drift.champion_version is None and last.unfinished is None:
        return True, f"Due: there is no champion yet, version {last.version} was refused."
    if today.newer_than is not None and today.num_questions < config.min_questions:
        guessed = " and ".join(f"version {version}" for version in today.unknown)
        doubt = f"; of {guessed} only when it was registered is known" if guessed else ""
        return False, (
            f"Skipped: {today.num_questions} questions are newer than {today.newer_than}, up to "
            f"when was trained{doubt}, and {config.min_questions} are needed to compare with the "
            "champion."
        )
    if last.unfinished is not None:
        return True, f"Due: version {last.version} {last.unfinished}: its run broke off."
    return _judge_news(config, today, drift, last, new)


def _judge_news(
    config: RetrainingConfig,
    today: Today,
    drift: DriftReport,
    last: LastTraining,
    new: NewData | None,
) -> tuple[bool, str]:
    """Return whether what came since the last training is enough, and the reason."""
    if new is None or last.profile is None:
        return True, f"Due: what version {last.version} was trained on is not known any more."
    if not new.num_items:
        return False, f"Skipped: nothing is new since version {last.version}."
    said = f"{new.num_items} new items since version {last.version}"
    needed = find_volume(config, last.profile.num_items)
    age_days = (today.now - last.registered_at).total_seconds() / SECONDS_PER_DAY
    reasons = {
        f"{needed} are enough": needed is not None and new.num_items >= needed,
        "the data have drifted from the champion's": config.on_drift
        and drift.drifted
        and today.moved == "drifted",
        f"it is {age_days:.1f} days old": config.max_days is not None
        and age_days >= config.max_days,
    }
    if any(reasons.values()):
        found = [reason for reason, holds in reasons.items() if holds]
        return True, f"Due: {said}; {' and '.join(found)}."
    would = "" if needed is None else f", {needed} would be enough"
    state = f"are {drift.status.replace('_', ' ')}"
    if drift.drifted and today.moved == "stable":  # what was trained since was refused
        state = "have drifted from the champion's, and hardly since then"
    return False, f"Skipped: {said}{would}; the data {state}."


def find_volume(config: RetrainingConfig, num_items: int) -> int | None:
    """Return how many new items are enough, given those of the last training; None: no number."""
    share = None if config.min_new_share is None else math.ceil(config.min_new_share * num_items)
    return min((one for one in (config.min_new_items, share) if one is not None), default=None)
