"""The simulator: its ideal judges by hand and by brute force, its seeds, its unseen words."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from components.evaluation.metrics import compute_metric
from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.simulator import (
    HARSHNESS_GRID,
    TAGS,
    WORLDS,
    Event,
    User,
    World,
    judge_users,
    simulate,
    simulate_user,
)
from components.histories.simulator_config import SimulatorConfig
from components.histories.simulator_phrases import (
    MOVIE_FRAMES,
    NUM_TEST_FRAMES,
    QUALITY_MOTIFS,
    REVIEW_FRAMES,
    TAG_FAMILIES,
    TAG_MOTIFS,
)
from components.tasks.lamp import LAMP_2, LAMP_3, LAMP_4

SMALL = SimulatorConfig(
    num_train_users=6,
    num_dev_users=2,
    num_test_users=3,
    train_questions_per_user=2,
    eval_questions_per_user=2,
    min_items=2,
    max_items=4,
)
COIN = World(
    labels=("1", "2"),
    prior_S=np.array([0.5, 0.5]),
    likelihood=lambda cue: np.array([[0.8, 0.2], [0.3, 0.7]]),
    shown_SC=np.ones((2, 1)),
    draw_cue=lambda rng: (0,),
    write_text=lambda cue, unseen, rng: "text",
)


def test_three_judges_by_hand():
    # Answers 2, 2 from state 0: the posterior is 0.04 to 0.49, so state 1 has 0.9245, and the next
    # answer is 2 with 0.0755 * 0.2 + 0.9245 * 0.7 = 0.662. Without the user it is 1 with 0.55.
    seen, asked = Event((0,), "text", 1), Event((0,), "text", 0)
    judged = judge_users(COIN, LAMP_2, "test", [User(0, [seen, seen], [asked])])
    answers = {judge: by_metric["accuracy"] for judge, by_metric in judged.items()}
    assert answers == {
        "without_user": {"test-00000-q000": "1"},
        "bayes": {"test-00000-q000": "2"},
        "oracle": {"test-00000-q000": "1"},
    }
    # One answer of each kind: 0.8 * 0.2 to 0.3 * 0.7, so 1 has (0.16 * 0.8 + 0.21 * 0.3) / 0.37,
    # which is 0.52.
    mixed = [User(1, [seen, asked], [asked])]
    assert judge_users(COIN, LAMP_2, "test", mixed)["bayes"]["accuracy"]["test-00000-q000"] == "1"


@pytest.mark.parametrize("task", [LAMP_2, LAMP_3])
def test_bayes_equals_a_brute_force(task):
    """The joint probability of state, history and answer, with no update on the way."""
    world = WORLDS[task.name](SMALL)
    rng = np.random.default_rng(3)
    users = [simulate_user(world, SMALL, 3, True, rng) for _ in range(20)]
    judged = judge_users(world, task, "test", users)["bayes"]
    for number, user in enumerate(users):
        for index, question in enumerate(user.questions):
            joint = np.zeros(len(world.labels))
            for state, prior in enumerate(world.prior_S):
                shown = [world.shown_SC[state, item.cue[0]] for item in user.items]
                seen = [world.likelihood(item.cue)[state, item.answer] for item in user.items]
                known = prior * np.prod(shown) * np.prod(seen)
                joint += known * world.likelihood(question.cue)[state]
            belief = joint / joint.sum()
            for metric in set(task.metrics) - {"macro_f1"}:
                costs = {
                    "mae": np.abs(np.subtract.outer(np.arange(5), np.arange(5))),
                    "rmse": np.subtract.outer(np.arange(5), np.arange(5)) ** 2,
                }.get(metric, 1 - np.eye(len(belief)))
                given = world.labels.index(judged[metric][f"test-{number:05d}-q{index:03d}"])
                expected = costs @ belief
                assert expected[given] == pytest.approx(expected.min(), abs=1e-9)


def test_tag_likelihoods_by_hand():
    config = SMALL.model_copy(update={"tag_noise": 0.15, "liked_weight": 9.0})
    world = WORLDS["LaMP_2"](config)
    cue = (TAGS.index("romance"), TAGS.index("comedy"))
    neutral = world.likelihood(cue)[0]
    assert neutral.sum() == pytest.approx(1)
    others = np.delete(neutral, cue)
    np.testing.assert_allclose(others, 0.01)  # 0.15 over fifteen tags
    states = list(itertools.product((False, True), repeat=len(TAG_FAMILIES)))

    def answer(**likes):
        """Return the odds of romance over comedy for a user who likes these tags' families."""
        state = tuple(any(likes.get(tag, False) for tag in family) for family in TAG_FAMILIES)
        told = world.likelihood(cue)[states.index(state)]
        return (told[cue[0]] - 0.01) / (told[cue[1]] - 0.01)

    odds = 1 / config.popularity_odds  # romance is its family's niche tag, comedy a popular one
    assert answer() == pytest.approx(odds)
    assert answer(romance=True) == pytest.approx(9 * odds)
    assert answer(comedy=True) == pytest.approx(odds / 9)
    assert answer(romance=True, comedy=True) == pytest.approx(odds)
    like_one = SMALL.liked_share * (1 - SMALL.liked_share) ** (len(TAG_FAMILIES) - 1)
    assert world.prior_S[1] == pytest.approx(like_one)
    assert world.prior_S.sum() == pytest.approx(1)


def test_a_description_shows_a_popular_and_a_niche_tag_of_different_families():
    world, rng = WORLDS["LaMP_2"](SMALL), np.random.default_rng(0)
    family_of = {tag: number for number, family in enumerate(TAG_FAMILIES) for tag in family}
    assert sorted(family_of) == sorted(TAGS)
    cues = [world.draw_cue(rng) for _ in range(200)]
    assert all(len({family_of[TAGS[tag]] for tag in cue}) == len(cue) == 2 for cue in cues)
    popular = {TAGS.index(family[0]) for family in TAG_FAMILIES}
    assert all(len(popular & set(cue)) == 1 for cue in cues)
    assert {cue.index(*popular & set(cue)) for cue in cues} == {0, 1}  # in either order
    assert {tag for cue in cues for tag in cue} == set(range(len(TAGS)))


def test_a_history_shows_what_its_user_likes_by_the_odds_that_she_answers_with():
    config = SMALL.model_copy(update={"liked_weight": 9.0, "popularity_odds": 4.0})
    world = WORLDS["LaMP_2"](config)
    np.testing.assert_allclose(world.shown_SC.sum(axis=1), 1)
    nobody, everything, first = world.shown_SC[0], world.shown_SC[-1], world.shown_SC[64]
    niche, popular = TAGS.index("dystopia"), TAGS.index("sci-fi")  # the first family's
    elsewhere = TAGS.index("romance")
    assert nobody[popular] / nobody[niche] == pytest.approx(4)
    np.testing.assert_allclose(everything, nobody)
    assert first[popular] / first[niche] == pytest.approx(4)
    assert first[niche] / first[elsewhere] == pytest.approx(9)
    user = simulate_user(world, config, 2, True, np.random.default_rng(0))
    assert all(len(item.cue) == 1 for item in user.items)


def test_a_review_in_a_history_is_of_any_quality():
    shown = WORLDS["LaMP_3"](SMALL).shown_SC
    np.testing.assert_allclose(shown, 0.2)


def test_score_likelihoods_by_hand():
    world = WORLDS["LaMP_3"](SMALL)
    kind = int(np.argmin(np.abs(HARSHNESS_GRID)))
    harsh = int(np.argmin(np.abs(HARSHNESS_GRID - 1)))
    likelihood = world.likelihood((2,))  # a review of quality 3
    within = norm.cdf(0.5 / SMALL.score_noise) - norm.cdf(-0.5 / SMALL.score_noise)
    assert likelihood[kind, 2] == pytest.approx(within)
    assert likelihood[harsh, 1] == pytest.approx(within)  # a harsh user gives it a 2
    np.testing.assert_allclose(likelihood.sum(axis=1), 1)


@pytest.mark.parametrize("task", [LAMP_2, LAMP_3])
def test_the_oracle_beats_bayes_beats_knowing_nobody(task):
    config = SimulatorConfig()
    world = WORLDS[task.name](config)
    rng = np.random.default_rng(0)
    users = [simulate_user(world, config, 10, True, rng) for _ in range(300)]
    judged = judge_users(world, task, "test", users)
    golds = [world.labels[question.answer] for user in users for question in user.questions]
    metric = task.primary_metric
    scores = {
        judge: compute_metric(metric, list(by_metric[metric].values()), golds, task)
        for judge, by_metric in judged.items()
    }
    sign = -1 if metric == "mae" else 1
    gains = sign * np.diff([scores[name] for name in ("without_user", "bayes", "oracle")])
    assert gains[0] > 0.05  # a user's history is worth something
    assert gains[1] >= 0  # and never more than the taste itself


@pytest.mark.parametrize("task", [LAMP_2, LAMP_3])
def test_a_seed_repeats_every_byte(task, tmp_path):
    def run(name, seed):
        folder = simulate(SMALL, task, seed, tmp_path / name)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*.json")
        }

    for name in ("one", "two", "other"):
        (tmp_path / name).mkdir()
    one = run("one", 0)
    assert run("two", 0) == one
    assert run("other", 1) != one
    assert len(one) == 7


def test_more_train_users_leave_the_test_users_alone(tmp_path):
    def read_test(name, config):
        (tmp_path / name).mkdir()
        folder = simulate(config, LAMP_2, 0, tmp_path / name) / "test"
        return [path.read_text() for path in sorted(folder.iterdir())]

    more = SMALL.model_copy(update={"num_train_users": 9})
    assert read_test("few", SMALL) == read_test("more", more)


def find_frames(text, frames, motifs):
    """Return which frames a text's phrases are in; every phrase is a known motif in a frame."""
    known = {frame.format(motif): number for number, frame in enumerate(frames) for motif in motifs}
    whole = text.removesuffix(".")
    if whole in known:
        return {known[whole]}
    head, _, rest = whole.partition(", ")
    while head not in known:
        more, _, rest = rest.partition(", ")
        assert more, text
        head = f"{head}, {more}"
    return {known[head]} | find_frames(f"{rest}.", frames, motifs)


@pytest.mark.parametrize(
    ("task", "frames", "motifs"),
    [
        (LAMP_2, MOVIE_FRAMES, [m for motifs in TAG_MOTIFS.values() for m in motifs]),
        (LAMP_3, REVIEW_FRAMES, [m for motifs in QUALITY_MOTIFS for m in motifs]),
    ],
)
def test_dev_and_test_questions_are_worded_as_nothing_in_training(task, frames, motifs, tmp_path):
    config = DataConfig(simulator=SMALL.model_copy(update={"num_train_users": 40}))
    histories = read_histories(config, task, 0, tmp_path / "tables")
    first_unseen = len(frames) - NUM_TEST_FRAMES
    for item in histories.items:
        assert max(find_frames(item["input"], frames, motifs)) < first_unseen
    for question in histories.questions:
        used = find_frames(question["payload"], frames, motifs)
        unseen = {frame >= first_unseen for frame in used}
        assert unseen == {question["split"] != "train"}


def test_limits_cover_the_test_questions_and_users_do_not_mix(tmp_path):
    histories = read_histories(DataConfig(simulator=SMALL), LAMP_3, 0, tmp_path / "tables")
    questions = histories.questions
    ids = {q["question_id"] for q in questions if q["split"] == "test"}
    assert len(ids) == 6
    assert set(histories.limits) == {"without_user", "bayes", "oracle"}
    for by_metric in histories.limits.values():
        assert set(by_metric) == {"mae", "rmse"}
        for answers in by_metric.values():
            assert set(answers) == ids
            assert set(answers.values()) <= set(LAMP_3.labels)
    users = {}
    for question in questions:
        users.setdefault(question["split"], set()).add(question["user_id"])
    assert {split: len(found) for split, found in users.items()} == {
        "train": 6,
        "dev": 2,
        "test": 3,
    }
    assert len(set.union(*users.values())) == 11
    for question in questions:
        assert 2 <= len(question["history"]) <= 4


def test_a_gold_is_what_the_user_answered(tmp_path):
    folder = simulate(SMALL, LAMP_2, 0, tmp_path)
    asked = json.loads((folder / "test" / "test_questions.json").read_text())
    golds = json.loads((folder / "test" / "test_outputs.json").read_text())["golds"]
    assert [gold["id"] for gold in golds] == [question["id"] for question in asked]
    assert {gold["output"] for gold in golds} <= set(TAGS)
    # Without noise an answer is one of the tags that the description shows.
    clean = replace(WORLDS["LaMP_2"](SMALL.model_copy(update={"tag_noise": 0.0})))
    user = simulate_user(clean, SMALL, 50, True, np.random.default_rng(0))
    assert all(event.answer in event.cue for event in user.items + user.questions)


def test_tags_of_phrases_and_of_the_benchmark_are_the_same():
    assert set(TAGS) == set(LAMP_2.labels)
    assert {tag for family in TAG_FAMILIES for tag in family} == set(TAGS)
    motifs = [motif for motifs in TAG_MOTIFS.values() for motif in motifs]
    assert len(set(motifs)) == len(motifs)


def test_a_task_without_a_world_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no simulator for task 'LaMP_4'.*LaMP_2.*LaMP_3"):
        simulate(SMALL, LAMP_4, 0, tmp_path)


def test_fewest_items_above_most_are_refused():
    with pytest.raises(ValueError, match="min_items"):
        SimulatorConfig(min_items=9, max_items=8)
