"""A simulated population week by week: tastes drift, histories grow, fashions and words change.

It is the simulator's LaMP_2 as events in time: each is a question, and an item of her later
histories. A user comes across what she likes more often than across the rest, and answers by the
simulator's odds. What changes from week to week:

- her taste: now and then she draws anew whether she likes a family;
- the fashion: every few weeks another tag of one family becomes the popular one;
- the words: a growing share of the phrases are of words that nobody used before;
- who is there, and how much: active users add items, new users join, some weeks are quiet.

Week 0 holds all that was before the year. A week is the same whoever asks for it, and for however
many more.

Letters: S taste states, F families, A the two states of one family (disliked, liked).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from components.histories.simulator import (
    FIRST_DAY,
    Cue,
    World,
    build_tag_world,
    list_tastes,
    pick_phrase,
)
from components.histories.simulator_phrases import (
    MOVIE_FRAMES,
    NEW_TAG_MOTIFS,
    TAG_FAMILIES,
    TAG_MOTIFS,
)
from components.histories.simulator_weeks_config import WeeksConfig

FIRST_MOMENT = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day)
SECONDS_PER_WEEK = 7 * 24 * 3600
NUM_FAMILIES = len(TAG_FAMILIES)
TASTES_SF = list_tastes(NUM_FAMILIES)
FAMILY_OF = [
    next(n for n, family in enumerate(TAG_FAMILIES) if tag in family) for tag in TAG_MOTIFS
]


@dataclass
class Viewer:
    """A user as she is after the weeks that were drawn.

    Attributes:
        user_id: Her id.
        state: Which families she likes, a row of TASTES_SF.
        belief_S: What an ideal judge knows of that from her history and from how tastes drift.
        num_items: How many items she has.
    """

    user_id: str
    state: int
    belief_S: np.ndarray
    num_items: int = 0


@dataclass(frozen=True)
class Week:
    """What happened in a week.

    Attributes:
        number: From 0.
        events: Rows of a file of events, by time.
        judged: Of each event, by its question's id, what three ideal judges answer to it:
            without_user, bayes (given her history) and oracle. They know the week's fashion.
    """

    number: int
    events: list[dict[str, str]]
    judged: dict[str, dict[str, str]]

    def write(self, events: Path, judged: Path) -> None:
        """Write `week-NN.jsonl`, an event a line, and `week-NN.json`, what the judges answer.

        Args:
            events: An existing folder for the one.
            judged: An existing folder for the other.
        """
        name = f"week-{self.number:02d}"
        lines = (json.dumps(event) + "\n" for event in self.events)
        (events / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        (judged / f"{name}.json").write_text(json.dumps(self.judged), encoding="utf-8")


@dataclass(frozen=True)
class Fashion:
    """The world of one week.

    Attributes:
        world: With the tags that are popular.
        watch_odds: Odds with which a user comes across a question with a liked tag.
        new_words: Share of the phrases that are of new words.
        number: Of the week.
        seconds: That it covers, from the first day on.
    """

    world: World
    watch_odds: float
    new_words: float
    number: int
    seconds: range

    def watch(self, cue: Cue) -> np.ndarray:
        """Return how often users in each state come across a cue, up to a factor, float [S]."""
        num_disliked_S = NUM_FAMILIES - TASTES_SF.sum(axis=1)
        pairs = NUM_FAMILIES * (NUM_FAMILIES - 1)
        missed_S = num_disliked_S * (num_disliked_S - 1) / pairs
        likes_S = TASTES_SF[:, [FAMILY_OF[tag] for tag in cue]].any(axis=1)
        all_S = 1 - missed_S * (1 - 1 / self.watch_odds)
        return np.where(likes_S, 1.0, 1 / self.watch_odds) / all_S

    def draw_cue(self, state: int, rng: np.random.Generator) -> Cue:
        """Draw what a user in a state comes across."""
        while True:
            cue = self.world.draw_cue(rng)
            is_liked = any(TASTES_SF[state, FAMILY_OF[tag]] for tag in cue)
            if is_liked or rng.random() < 1 / self.watch_odds:
                return cue

    def write_text(self, cue: Cue, rng: np.random.Generator) -> str:
        """Write what a question shows, each phrase in old words or in new ones."""
        phrases = []
        for tag in cue:
            motifs = NEW_TAG_MOTIFS if rng.random() < self.new_words else TAG_MOTIFS
            phrases.append(pick_phrase(MOVIE_FRAMES, motifs[self.world.labels[tag]], False, rng))
        return f"{', '.join(phrases)}."


def simulate_weeks(config: WeeksConfig, seed: int) -> Iterator[Week]:
    """Yield one week after another, without end."""
    viewers: list[Viewer] = []
    number = 0
    while True:
        rng = np.random.default_rng((seed, number))
        fashion = build_fashion(config, number, seed)
        for viewer in viewers:
            drift_taste(viewer, config, rng)
        num_joining = rng.poisson(config.new_users) if number else config.num_users
        counts = draw_counts(config, number, len(viewers), num_joining, rng)
        viewers += [
            welcome_viewer(len(viewers) + place, fashion.world, rng) for place in range(num_joining)
        ]
        yield simulate_week(fashion, viewers, counts, rng)
        number += 1


def build_fashion(config: WeeksConfig, number: int, seed: int) -> Fashion:
    """Return a week's world: family after family, in a drawn order, gets another popular tag."""
    families = list(TAG_FAMILIES)
    order = np.random.default_rng(seed).permutation(NUM_FAMILIES)
    num_changes = number // config.fashion_weeks if config.fashion_weeks else 0
    for change in range(num_changes):
        place = order[change % NUM_FAMILIES]
        families[place] = (*families[place][1:], families[place][0])
    world = build_tag_world(config.tastes, families)
    new_words = min(1.0, number * config.new_words)
    first = config.first_weeks + number - 1 if number else 0
    seconds = range(first * SECONDS_PER_WEEK, (config.first_weeks + number) * SECONDS_PER_WEEK)
    return Fashion(world, config.watch_odds, new_words, number, seconds)


def drift_taste(viewer: Viewer, config: WeeksConfig, rng: np.random.Generator) -> None:
    """Let a week pass over a user's taste, and over what the ideal judge knows of it."""
    share = config.tastes.liked_share
    is_redrawn_F = rng.random(NUM_FAMILIES) < config.taste_change
    drawn_F = rng.random(NUM_FAMILIES) < share
    likes_F = np.where(is_redrawn_F, drawn_F, TASTES_SF[viewer.state])
    viewer.state = int(np.flatnonzero((likes_F == TASTES_SF).all(axis=1))[0])
    belief = viewer.belief_S.reshape((2,) * NUM_FAMILIES)
    kept_AA = (1 - config.taste_change) * np.eye(2)
    drift_AA = kept_AA + config.taste_change * np.array([[1 - share, share]])
    for axis in range(NUM_FAMILIES):
        belief = np.moveaxis(np.tensordot(belief, drift_AA, (axis, 0)), -1, axis)
    viewer.belief_S = belief.reshape(-1)


def draw_counts(
    config: WeeksConfig, number: int, num_known: int, num_joining: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how many items each user adds in a week, those who join last."""
    share = config.active_share * (config.quiet_share if number in config.quiet_weeks else 1.0)
    known = rng.poisson(config.active_items, num_known) * (rng.random(num_known) < share)
    first = config.newcomer_items if number else config.first_items
    return np.concatenate([known, rng.poisson(first, num_joining)])


def welcome_viewer(place: int, world: World, rng: np.random.Generator) -> Viewer:
    """Return a new user with a taste as users have it."""
    state = int(rng.choice(len(world.prior_S), p=world.prior_S))
    return Viewer(f"user-{place:04d}", state, world.prior_S.copy())


def simulate_week(
    fashion: Fashion, viewers: list[Viewer], counts: np.ndarray, rng: np.random.Generator
) -> Week:
    """Let every user come across her questions and answer them."""
    rows: list[dict[str, str]] = []
    judged: dict[str, dict[str, str]] = {}
    for viewer, count in zip(viewers, counts, strict=True):
        seconds = fashion.seconds[0] + rng.choice(len(fashion.seconds), count, replace=False)
        for second in sorted(seconds.tolist()):
            item_id = f"item-{viewer.num_items:04d}"
            cue = fashion.draw_cue(viewer.state, rng)
            likelihood_SL = fashion.world.likelihood(cue)
            probability_L = likelihood_SL[viewer.state] / likelihood_SL[viewer.state].sum()
            answer = int(rng.choice(len(fashion.world.labels), p=probability_L))
            moment = FIRST_MOMENT + timedelta(seconds=second)
            row = {"user_id": viewer.user_id, "timestamp": moment.isoformat(), "item_id": item_id}
            text = fashion.write_text(cue, rng)
            rows.append(row | {"input": text, "output": fashion.world.labels[answer]})
            judged[f"{viewer.user_id}:{item_id}"] = judge_event(fashion, viewer, cue)
            viewer.belief_S = viewer.belief_S * fashion.watch(cue) * likelihood_SL[:, answer]
            viewer.belief_S /= viewer.belief_S.sum()
            viewer.num_items += 1
    return Week(fashion.number, sorted(rows, key=lambda row: row["timestamp"]), judged)


def judge_event(fashion: Fashion, viewer: Viewer, cue: Cue) -> dict[str, str]:
    """Return what the three ideal judges answer to what a user comes across."""
    world, watch_S = fashion.world, fashion.watch(cue)
    likelihood_SL = world.likelihood(cue)
    beliefs_L = {
        "without_user": (world.prior_S * watch_S) @ likelihood_SL,
        "bayes": (viewer.belief_S * watch_S) @ likelihood_SL,
        "oracle": likelihood_SL[viewer.state],
    }
    return {judge: world.labels[belief_L.argmax()] for judge, belief_L in beliefs_L.items()}
