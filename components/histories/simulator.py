"""Simulated users with latent tastes, in LaMP's own layout, with the best that can be known.

LaMP_2: a user likes each family of tags with probability `liked_share`. She watches and answers by
the same odds: `liked_weight` for a tag that she likes, `popularity_odds` for a popular one. A movie
of her history shows one tag, which she chose among all of them. A question's shows two plausible
tags, a popular one and another family's niche one, and she answers one of the two.
LaMP_3: a review shows a quality of 1 to 5, and the user's score is that plus her own harshness.

Beside the questions stands `limits.json`: the answers to the test questions of three ideal judges,
`without_user` (knows the texts' meaning, not the user), `bayes` (posterior predictive given the
same history) and `oracle` (knows the taste).

Letters: S taste states, L labels, C what a history item may show (a tag or a quality).
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from components.histories.best_answers import best_answers
from components.histories.simulator_config import SimulatorConfig
from components.histories.simulator_phrases import (
    MOVIE_FRAMES,
    NUM_TEST_FRAMES,
    QUALITY_MOTIFS,
    REVIEW_FRAMES,
    TAG_FAMILIES,
    TAG_MOTIFS,
)
from components.tasks.task import Task

TAGS = tuple(TAG_MOTIFS)
SCORES = ("1", "2", "3", "4", "5")
FIRST_DAY = date(2020, 1, 1)
HARSHNESS_GRID = np.linspace(-2.5, 2.5, 41)

Cue = tuple[int, ...]
"""What a text shows to everybody: the plausible tags (LaMP_2) or the one quality (LaMP_3)."""


@dataclass(frozen=True)
class World:
    """One simulated task: its states of taste, and how a taste turns a cue into an answer."""

    labels: tuple[str, ...]
    prior_S: np.ndarray
    likelihood: Callable[[Cue], np.ndarray]
    """Cue to the probability of every label in every state of taste, float [S, L]."""
    shown_SC: np.ndarray
    """Probability, in every state of taste, that a history item shows the cue `(c,)`."""
    draw_cue: Callable[[np.random.Generator], Cue]
    """Draw what a question shows."""
    write_text: Callable[[Cue, bool, np.random.Generator], str]


def build_tag_world(
    config: SimulatorConfig, families: Sequence[tuple[str, ...]] = TAG_FAMILIES
) -> World:
    """Build LaMP_2: every subset of the families is a state of taste, so Bayes is exact.

    Args:
        config: How strongly tastes show.
        families: Tags that are liked together, of each the popular one first.
    """
    likes = list_tastes(len(families))
    num_liked = likes.sum(axis=1)
    prior = config.liked_share**num_liked * (1 - config.liked_share) ** (len(families) - num_liked)
    family_of = {tag: index for index, family in enumerate(families) for tag in family}
    liked = likes[:, [family_of[tag] for tag in TAGS]]
    is_popular = np.isin(TAGS, [family[0] for family in families])
    popularity = np.where(is_popular, config.popularity_odds, 1.0)
    weight = popularity * np.where(liked, config.liked_weight, 1.0)

    @cache
    def likelihood(cue: Cue) -> np.ndarray:
        probability = np.full(liked.shape, config.tag_noise / len(TAGS))
        chosen = weight[:, cue] / weight[:, cue].sum(axis=1, keepdims=True)
        probability[:, cue] += (1 - config.tag_noise) * chosen
        return probability

    shown = weight / weight.sum(axis=1, keepdims=True)

    def draw_cue(rng: np.random.Generator) -> Cue:
        one, other = rng.choice(len(families), size=2, replace=False)
        tags = [families[one][0], str(rng.choice(families[other][1:]))]
        return tuple(TAGS.index(tag) for tag in rng.permutation(tags))

    def write_text(cue: Cue, unseen: bool, rng: np.random.Generator) -> str:
        phrases = [pick_phrase(MOVIE_FRAMES, TAG_MOTIFS[TAGS[tag]], unseen, rng) for tag in cue]
        return f"{', '.join(phrases)}."

    return World(TAGS, prior, likelihood, shown, draw_cue, write_text)


def list_tastes(num_families: int) -> np.ndarray:
    """Return which families are liked in each state of taste, bool [S, families]."""
    return np.array(list(itertools.product((False, True), repeat=num_families)))


def build_score_world(config: SimulatorConfig) -> World:
    """Build LaMP_3: a grid of harshness values is the states of taste."""
    prior = np.exp(-((HARSHNESS_GRID / config.harshness_scale) ** 2) / 2)
    edges = np.array([-np.inf, 1.5, 2.5, 3.5, 4.5, np.inf])

    @cache
    def likelihood(cue: Cue) -> np.ndarray:
        mean = 1 + cue[0] - HARSHNESS_GRID[:, None]
        return np.diff(ndtr((edges[None, :] - mean) / config.score_noise), axis=1)

    def draw_cue(rng: np.random.Generator) -> Cue:
        return (int(rng.integers(len(SCORES))),)

    def write_text(cue: Cue, unseen: bool, rng: np.random.Generator) -> str:
        return f"{pick_phrase(REVIEW_FRAMES, QUALITY_MOTIFS[cue[0]], unseen, rng)}."

    shown = np.full((len(prior), len(SCORES)), 1 / len(SCORES))
    return World(SCORES, prior / prior.sum(), likelihood, shown, draw_cue, write_text)


WORLDS = {"LaMP_2": build_tag_world, "LaMP_3": build_score_world}


def pick_phrase(
    frames: tuple[str, ...], motifs: tuple[str, ...], unseen: bool, rng: np.random.Generator
) -> str:
    """Put a motif into a frame, into one of those kept for dev and test questions if `unseen`."""
    pool = frames[-NUM_TEST_FRAMES:] if unseen else frames[:-NUM_TEST_FRAMES]
    return pool[rng.integers(len(pool))].format(motifs[rng.integers(len(motifs))])


def simulate(config: SimulatorConfig, task: Task, seed: int, directory: Path) -> Path:
    """Write train, dev and test questions and outputs and `limits.json` below `directory`.

    Raises:
        ValueError: If there is no simulated world for the task.
    """
    if task.name not in WORLDS:
        raise ValueError(f"no simulator for task {task.name!r}; there are {sorted(WORLDS)}")
    world = WORLDS[task.name](config)
    sizes = {
        "train": (config.num_train_users, config.train_questions_per_user),
        "dev": (config.num_dev_users, config.eval_questions_per_user),
        "test": (config.num_test_users, config.eval_questions_per_user),
    }
    for number, (split, (num_users, num_questions)) in enumerate(sizes.items()):
        rng = np.random.default_rng((seed, number))
        users = [
            simulate_user(world, config, num_questions, split != "train", rng)
            for _ in range(num_users)
        ]
        write_split(directory, split, task, world, users)
        if split == "test":
            limits = json.dumps(judge_users(world, task, split, users), indent=1)
            (directory / "limits.json").write_text(limits, encoding="utf-8")
    return directory


@dataclass(frozen=True)
class Event:
    """One text with its answer: a history item or a question."""

    cue: Cue
    text: str
    answer: int


@dataclass(frozen=True)
class User:
    """A simulated user: her state of taste, her history and her questions."""

    state: int
    items: list[Event]
    questions: list[Event]


def simulate_user(
    world: World,
    config: SimulatorConfig,
    num_questions: int,
    unseen: bool,
    rng: np.random.Generator,
) -> User:
    """Draw one user's taste, history and questions; questions use unseen phrases if `unseen`."""
    state = int(rng.choice(len(world.prior_S), p=world.prior_S))

    def draw_event(cue: Cue, unseen: bool) -> Event:
        probability = world.likelihood(cue)[state]
        answer = int(rng.choice(len(world.labels), p=probability / probability.sum()))
        return Event(cue, world.write_text(cue, unseen, rng), answer)

    num_items = int(rng.integers(config.min_items, config.max_items + 1))
    shown = rng.choice(world.shown_SC.shape[1], size=num_items, p=world.shown_SC[state])
    items = [draw_event((int(cue),), False) for cue in shown]
    questions = [draw_event(world.draw_cue(rng), unseen) for _ in range(num_questions)]
    return User(state, items, questions)


def question_id(split: str, user: int, question: int) -> str:
    """Return the id of a user's question, unique over the splits."""
    return f"{split}-{user:05d}-q{question:03d}"


def write_split(directory: Path, split: str, task: Task, world: World, users: list[User]) -> None:
    """Write one split's questions and outputs as LaMP lays them out."""
    questions: list[dict[str, Any]] = []
    golds: list[dict[str, str]] = []
    for number, user in enumerate(users):
        user_id = f"{split}-{number:05d}"
        profile = [
            {
                "id": f"{user_id}-i{index:03d}",
                task.input_field: item.text,
                str(task.output_field): world.labels[item.answer],
                "date": (FIRST_DAY + timedelta(days=index)).isoformat(),
            }
            for index, item in enumerate(user.items)
        ]
        for index, question in enumerate(user.questions):
            identifier = question_id(split, number, index)
            prompt = task.render_prompt(question.text)
            questions.append(
                {"id": identifier, "user_id": user_id, "input": prompt, "profile": profile}
            )
            golds.append({"id": identifier, "output": world.labels[question.answer]})
    folder = directory / split
    folder.mkdir(parents=True, exist_ok=True)
    documents = {"questions": questions, "outputs": {"task": task.name, "golds": golds}}
    for name, document in documents.items():
        (folder / f"{split}_{name}.json").write_text(json.dumps(document), encoding="utf-8")


def judge_users(world: World, task: Task, split: str, users: list[User]) -> dict[str, Any]:
    """Answer as the three ideal judges would: {judge: {metric: {question: answer}}}."""
    identifiers: list[str] = []
    beliefs: dict[str, list[np.ndarray]] = {"without_user": [], "bayes": [], "oracle": []}
    for number, user in enumerate(users):
        posterior = world.prior_S.copy()
        for item in user.items:
            posterior *= world.shown_SC[:, item.cue[0]]
            posterior *= world.likelihood(item.cue)[:, item.answer]
            posterior /= posterior.sum()
        for index, question in enumerate(user.questions):
            likelihood = world.likelihood(question.cue)
            identifiers.append(question_id(split, number, index))
            beliefs["without_user"].append(world.prior_S @ likelihood)
            beliefs["bayes"].append(posterior @ likelihood)
            beliefs["oracle"].append(likelihood[user.state])
    answers: dict[str, Any] = {}
    for judge, rows in beliefs.items():
        belief_NL = np.stack(rows) / np.sum(rows, axis=1, keepdims=True)
        answers[judge] = {
            metric: {
                identifier: world.labels[best]
                for identifier, best in zip(
                    identifiers, best_answers(belief_NL, metric), strict=True
                )
            }
            for metric in task.metrics
        }
    return answers
