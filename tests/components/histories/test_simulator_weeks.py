"""Weeks of a simulated population: the same whoever asks, drifting, growing, readable."""

import itertools
import json
from datetime import datetime

import numpy as np
import pytest

from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.simulator import FIRST_DAY
from components.histories.simulator_phrases import NEW_TAG_MOTIFS, TAG_FAMILIES, TAG_MOTIFS
from components.histories.simulator_weeks import (
    FAMILY_OF,
    TASTES_SF,
    Viewer,
    build_fashion,
    drift_taste,
    judge_event,
    simulate_weeks,
)
from components.histories.simulator_weeks_config import WeeksConfig
from components.tasks.lamp import LAMP_2

SMALL = WeeksConfig(num_users=12, first_items=8.0, quiet_weeks=(3,))
TAGS = tuple(TAG_MOTIFS)


def take_weeks(config, number, seed=0):
    return list(itertools.islice(simulate_weeks(config, seed), number))


@pytest.fixture(scope="module")
def weeks():
    return take_weeks(SMALL, 5)


def test_a_week_is_the_same_whoever_asks_and_for_however_many(weeks):
    assert take_weeks(SMALL, 3) == weeks[:3]
    assert take_weeks(SMALL, 1, seed=1) != weeks[:1]


def test_weeks_follow_each_other_and_items_are_numbered_by_time(weeks):
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day)
    number_of = {}
    for week in weeks:
        for event in week.events:
            days = (datetime.fromisoformat(event["timestamp"]) - first).days
            assert max(0, days // 7 - SMALL.first_weeks + 1) == week.number
            place = number_of.setdefault(event["user_id"], 0)
            assert event["item_id"] == f"item-{place:04d}"
            number_of[event["user_id"]] += 1
        assert len(week.judged) == len(week.events)


def test_histories_grow_and_users_join_less_in_a_quiet_week():
    config = SMALL.model_copy(update={"num_users": 200, "new_users": 5.0})
    weeks = take_weeks(config, 5)
    users = [{event["user_id"] for event in week.events} for week in weeks]
    assert len(users[0]) == 200
    assert all(len(now - set().union(*users[:n])) > 0 for n, now in enumerate(users) if n)
    # 200 users, of whom half are active, 3 items each: 300, and some 30 of those who join.
    assert 240 < len(weeks[1].events) < 430
    assert len(weeks[3].events) < 0.6 * len(weeks[2].events)


def test_a_taste_drifts_by_its_probability_and_keeps_its_share():
    config = SMALL.model_copy(update={"taste_change": 0.1})
    rng, start = np.random.default_rng(0), 0  # she likes nothing
    before = np.eye(len(TASTES_SF))[start]
    viewers = [Viewer("user", start, before) for _ in range(2000)]
    for viewer in viewers:
        drift_taste(viewer, config, rng)
    likes = np.mean([TASTES_SF[viewer.state] for viewer in viewers], axis=0)
    expected = 0.1 * config.tastes.liked_share
    assert likes == pytest.approx(expected, abs=0.015)
    # What the ideal judge expects of it is exact.
    assert viewers[0].belief_S @ TASTES_SF == pytest.approx(expected)
    still = Viewer("user", 5, np.eye(len(TASTES_SF))[5])
    drift_taste(still, config.model_copy(update={"taste_change": 0.0}), rng)
    assert still.state == 5
    assert still.belief_S == pytest.approx(np.eye(len(TASTES_SF))[5])


def test_a_fashion_makes_another_tag_of_a_family_popular():
    likes_nothing = 0
    popular = {TAGS.index(family[0]) for family in TAG_FAMILIES}

    def find_popular(number):
        shown = build_fashion(SMALL, number, 0).world.shown_SC[likes_nothing]
        return set(np.argsort(-shown)[: len(TAG_FAMILIES)].tolist())

    assert find_popular(0) == find_popular(6) == popular
    changed = find_popular(7)
    assert len(changed - popular) == 1
    [new], [old] = changed - popular, popular - changed
    assert FAMILY_OF[new] == FAMILY_OF[old]
    assert not find_popular(7 * len(TAG_FAMILIES)) & popular


def test_new_words_come_into_use():
    config = SMALL.model_copy(update={"new_words": 0.25, "num_users": 40})

    def count_share(events):
        new = [motif for motifs in NEW_TAG_MOTIFS.values() for motif in motifs]
        return np.mean([any(motif in event["input"] for motif in new) for event in events])

    first, second, third = (count_share(week.events) for week in take_weeks(config, 3))
    assert first == 0
    # Of two phrases at least one is new: 1 - .75 ** 2 and 1 - .5 ** 2.
    assert second == pytest.approx(0.44, abs=0.15)
    assert third == pytest.approx(0.75, abs=0.15)


def test_what_a_user_comes_across_is_weighed_as_it_is_drawn():
    fashion, rng = build_fashion(SMALL, 0, 0), np.random.default_rng(0)
    state = int(np.flatnonzero(TASTES_SF.sum(axis=1) == 2)[0])
    everyone = [fashion.world.draw_cue(rng) for _ in range(4000)]
    assert np.mean([fashion.watch(cue)[state] for cue in everyone]) == pytest.approx(1, abs=0.03)
    drawn = [fashion.draw_cue(state, rng) for _ in range(4000)]
    likes = [any(TASTES_SF[state, FAMILY_OF[tag]] for tag in cue) for cue in drawn]
    # Two of seven families liked: 11 of 21 pairs have one, and they come ten times as often.
    assert np.mean(likes) == pytest.approx(110 / 120, abs=0.02)


def test_the_judges_know_what_they_are_said_to_know():
    fashion = build_fashion(SMALL, 0, 0)
    niche_liked = int(np.flatnonzero((np.eye(7, dtype=bool)[0] == TASTES_SF).all(axis=1))[0])
    cue = (TAGS.index("comedy"), TAGS.index("dystopia"))  # of families 1 and 0
    unknown = Viewer("user", niche_liked, fashion.world.prior_S.copy())
    answers = judge_event(fashion, unknown, cue)
    assert answers == {"without_user": "comedy", "bayes": "comedy", "oracle": "dystopia"}
    known = Viewer("user", niche_liked, np.eye(len(TASTES_SF))[niche_liked])
    assert judge_event(fashion, known, cue)["bayes"] == "dystopia"


def test_better_informed_judges_are_better():
    config = SMALL.model_copy(update={"num_users": 60})
    right = {"without_user": [], "bayes": [], "oracle": []}
    for week in take_weeks(config, 6):
        for event in week.events:
            judged = week.judged[f"{event['user_id']}:{event['item_id']}"]
            for judge, flags in right.items():
                flags.append(judged[judge] == event["output"])
    without_user, bayes, oracle = (np.mean(flags) for flags in right.values())
    assert without_user + 0.1 < bayes < oracle < 1


def test_files_are_read_as_interactions(weeks, tmp_path):
    events = tmp_path / "events"
    events.mkdir()
    for week in weeks:
        week.write(events, tmp_path)
    everything = tmp_path / "all.jsonl"
    files = sorted(events.iterdir())
    assert [file.name for file in files] == [f"week-{n:02d}.jsonl" for n in range(5)]
    everything.write_text("".join(file.read_text() for file in files))
    columns = {"input": "input", "output": "output", "item_id": "item_id"}
    config = DataConfig.model_validate(
        {
            "source": "interactions",
            "interactions": {"path": everything, "min_events": 1, **columns},
        }
    )
    histories = read_histories(config, LAMP_2, 0, tmp_path / "histories")
    assert len(histories.items) == sum(len(week.events) for week in weeks)
    judged = {}
    for file in tmp_path.glob("week-*.json"):
        judged |= json.loads(file.read_text())
    assert set(histories.questions["question_id"]) <= set(judged)
