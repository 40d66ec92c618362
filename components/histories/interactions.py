"""Reading a file of events: each is a question, and an item of the user's later histories."""

import logging
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from components.histories.config import InteractionsConfig
from components.histories.record import Record
from components.histories.source_files import read_rows
from components.histories.splits import assign_users, cut_timeline, sample_questions
from components.histories.tables import HistoryRows, ItemRow, QuestionRow, Split
from components.tasks.task import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the file."""

    item_id: str
    question_id: str
    time: datetime
    text: str
    payload: str
    output: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A user's events by time, and the split of each."""

    user_id: str
    events: list[Event]
    splits: list[Split]


def read_interactions(config: InteractionsConfig, task: Task, seed: int) -> HistoryRows:
    """Read the events and split them by time within each user, or by user.

    A question's history is what the user did strictly before it (in time, to the second), of all
    splits: what is tested later was seen by then.

    Raises:
        ValueError: If a row is bad (names file, row and field) or no question is left.
    """
    items: list[ItemRow] = []
    questions: list[QuestionRow] = []
    for timeline in _split_events(_read_events(config, task), config, seed):
        questions += _build_questions(timeline, len(items), config, task)
        items += [_build_item(timeline.user_id, event) for event in timeline.events]
    kept = sample_questions(questions, config, seed)
    if not kept:
        raise ValueError(
            f"{config.path}: no question is left; users with fewer than {config.min_events} "
            "events (min_events) are left out, and so are train questions with fewer than "
            f"{config.min_history_items} earlier items (min_history_items)"
        )
    return HistoryRows(items, kept)


def _read_events(config: InteractionsConfig, task: Task) -> dict[str, list[Event]]:
    """Return the events of each user that has enough, by user id, then time, then row."""
    users: dict[str, list[Event]] = defaultdict(list)
    dropped: Counter[str] = Counter()
    rows_by_id: dict[tuple[str, str], int] = {}
    for number, values in read_rows(config.path):
        record = Record(f"{config.path}, row {number}", values)
        label = record.text(config.output)
        if label in config.drop_labels:
            dropped[label] += 1
            continue
        user_id = record.identifier(config.user)
        event = _read_event(record, user_id, number, config, task)
        first = rows_by_id.setdefault((user_id, event.item_id), number)
        if first != number:
            raise record.error(
                str(config.item_id),
                f"id {event.item_id!r} of user {user_id!r} stands in row {first} already",
            )
        users[user_id].append(event)
    if dropped:
        logger.info("%s: left out by drop_labels: %s", config.path, dict(dropped))
    kept = sorted(user for user, events in users.items() if len(events) >= config.min_events)
    logger.info(
        "%s: %d of %d users have %d events or more",
        *(config.path, len(kept), len(users), config.min_events),
    )
    return {user: sorted(users[user], key=lambda event: event.time) for user in kept}


def _read_event(
    record: Record, user_id: str, number: int, config: InteractionsConfig, task: Task
) -> Event:
    payload = record.text(config.input)
    output = record.output(config.output, task)
    item_id = f"row-{number:08d}"
    question_id = item_id
    if config.item_id is not None:
        item_id = record.identifier(config.item_id)
        question_id = f"{user_id}:{item_id}"
    # The task's own names for input and output stand for the mapped columns.
    named = {task.input_field: payload, task.output_field: output}
    fields = {
        name: named[name] if name in named else record.text(name) for name in task.history_fields
    }
    return Event(
        item_id=item_id,
        question_id=question_id,
        time=record.time(config.time),
        text=task.render_item(fields),
        payload=payload,
        output=output,
    )


def _split_events(
    users: dict[str, list[Event]], config: InteractionsConfig, seed: int
) -> list[Timeline]:
    """Assign every event to a split, by its place in the user's time or by its user."""
    shares = (config.test_share, config.dev_share)
    if config.split_by == "time":
        return [
            Timeline(user, events, cut_timeline(len(events), *shares))
            for user, events in users.items()
        ]
    split_of = assign_users(list(users), *shares, seed)
    return [
        Timeline(user, events, [split_of[user]] * len(events)) for user, events in users.items()
    ]


def _build_questions(
    timeline: Timeline, first_row: int, config: InteractionsConfig, task: Task
) -> list[QuestionRow]:
    """Return a user's questions; the user's first item stands in row `first_row`."""
    questions: list[QuestionRow] = []
    times = [event.time for event in timeline.events]
    for event, split in zip(timeline.events, timeline.splits, strict=True):
        num_before = bisect_left(times, event.time)
        if split == "train" and num_before < config.min_history_items:
            continue
        start = max(0, num_before - config.max_history_items)
        questions.append(
            QuestionRow(
                question_id=event.question_id,
                user_id=timeline.user_id,
                split=split,
                time=event.time,
                input=task.render_prompt(event.payload),
                payload=event.payload,
                output=event.output,
                history=list(range(first_row + start, first_row + num_before)),
            )
        )
    return questions


def _build_item(user_id: str, event: Event) -> ItemRow:
    return ItemRow(
        user_id=user_id,
        item_id=event.item_id,
        time=event.time,
        text=event.text,
        input=event.payload,
        output=event.output,
    )
