"""How often the promotion rules promote what they must not, and how often what they should.

Candidates are simulated where the rules are most easily deceived: persona equals instruction_only,
or is worse than the champion by exactly the margin, on all questions, with short histories, or by
rare losses that a small sample may not hold at all; shuffled is far worse. They are judged by the
bootstrap and the default rules that the pipeline uses. Users differ in how much a persona helps
them and, with a heavy tail, in how much they ask; or each asks once, as in LaMP.

    python -m benchmarks.gate_statistics --json

prints progress and, as the last line, `false_promotion_rate` and its Clopper-Pearson upper limit
`false_promotion_high` (the worst of all cases and numbers of users), `power` at a real effect for
the largest number of users who ask more than once, and `bootstrap_seconds` for 2,000 resamples over
100,000 questions.
"""

import argparse
import json
import time
from typing import NamedTuple

import numpy as np
from scipy.stats import beta
from tqdm import tqdm

from components.evaluation.bootstrap import count_effective_users
from components.evaluation.evidence import ALL, Evidence, SliceEvidence, UserGains, sign_of
from components.evaluation.measure import measure_figures
from components.evaluation.metrics import FloatArray
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.case import Rival
from components.promotion.config import (
    DEFAULT_RULES,
    SHORT_HISTORIES,
    NonInferiority,
    PromotionConfig,
)
from components.promotion.decide import decide
from components.tasks.task import Metric

ARMS = ("persona", "instruction_only", "shuffled", "champion")
ACCURACY = 0.6
SHUFFLED_LOSS = 0.2
USER_SPREAD = 0.05
"""Standard deviation over users of their level, and of what a persona gains for one."""
POINTS_LOST = 4
"""What an answer on a scale of 1 to 5 can lose."""
SHORT_SHARE = 0.5
"""Share of a persona's gain that is left with a short history."""
CONFIG = PromotionConfig(
    rules=tuple(
        rule.model_copy(update={"min_users": 2}) if hasattr(rule, "min_users") else rule
        for rule in DEFAULT_RULES
    )
)
"""The rules without a least number of users, so that the tests alone are tried."""
[MARGIN], [SHORT_MARGIN] = (
    {
        rule.margin_share
        for rule in DEFAULT_RULES
        if isinstance(rule, NonInferiority)
        and rule.to == "champion"
        and (rule.slice == ALL) is whole
    }
    for whole in (True, False)
)
RIVALS = {office: Rival(version="1", is_candidate=False) for office in ("champion", "reference")}
ARTIFACT = ArtifactCheck(
    loaded=True,
    problem=None,
    num_questions=1,
    num_equal=1,
    p50_seconds=0.1,
    p95_seconds=0.1,
    load_seconds=1.0,
    size_bytes=1,
    foreign_modules=[],
)


class Case(NamedTuple):
    """What candidate is judged, in accuracy."""

    name: str
    effect: float
    """What persona gains over instruction_only on average."""
    lead: float
    """What the champion is better than persona by, on average; in margins of the rule."""
    short_lead: float | None = None
    """The same with short histories; as much as with whole ones if not given."""
    is_rare: bool = False
    """Whether persona answers as the champion does but for rare questions that it loses."""
    metric: Metric = "accuracy"
    """With mae a wrong answer is wrong by one point, and a rare loss by POINTS_LOST."""


class Population(NamedTuple):
    """Who asks."""

    num_users: int
    asks_once: bool = False

    def __str__(self) -> str:
        return f"{self.num_users} users{', one question each' if self.asks_once else ''}"


LARGEST = Population(700)
POPULATIONS = (
    Population(20),
    Population(40),
    Population(100),
    LARGEST,
    Population(200, True),
    Population(700, True),
)


FALSE = (
    Case("equal to instruction_only, champion better by the margin", 0.0, 1.0),
    Case("equal to instruction_only, champion far worse", 0.0, -20.0),
    Case("better than instruction_only, champion better by the margin", 0.1, 1.0),
    Case("better on average, worse by the margin with short histories", 0.1, -8.0, 1.0),
    Case("better than instruction_only, worse by the margin in rare losses", 0.1, 1.0, 0, True),
    Case("the same in MAE, where a rare loss is four points", 0.1, 1.0, 0, True, "mae"),
)
REAL = Case("better than instruction_only and the champion by .05", 0.05, -8.0)


class Outcome(NamedTuple):
    """Promotions among the trials of one case."""

    case: Case
    population: Population
    promotions: int
    trials: int

    @property
    def rate(self) -> float:
        """Share of the trials that ended in a promotion."""
        return self.promotions / self.trials

    @property
    def high(self) -> float:
        """The Clopper-Pearson upper limit of the rate, 97.5 %."""
        if self.promotions == self.trials:
            return 1.0
        return float(beta.ppf(0.975, self.promotions + 1, self.trials - self.promotions))


def simulate_answers(
    population: Population, case: Case, rng: np.random.Generator
) -> tuple[dict[tuple[str, str], np.ndarray], np.ndarray]:
    """Return the metric, float64 [N] by slice and arm, and each question's user [N]."""
    num_users = population.num_users
    num_questions = np.minimum(1 + rng.lognormal(1.0, 1.0, num_users).astype(np.int64), 200)
    if population.asks_once:
        num_questions = np.ones(num_users, np.int64)
    users = np.repeat(np.arange(num_users), num_questions)
    level_U, gain_U, champions_U = rng.normal(0, USER_SPREAD, (3, num_users))
    plain = ACCURACY + level_U[users]

    def find_chances(share: float, lead: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the chances of persona and champion; the margin is a share of the champion's."""
        persona = plain + share * (case.effect + gain_U[users])
        champion = (ACCURACY + share * case.effect) / (1 - lead * margin)
        return persona, plain - ACCURACY + champion + share * champions_U[users]

    persona, champion = find_chances(1.0, case.lead, MARGIN)
    chances = {
        (ALL, "persona"): persona,
        (ALL, "instruction_only"): plain,
        (ALL, "shuffled"): plain - SHUFFLED_LOSS,
        (ALL, "champion"): champion,
    }
    short = (case.lead, MARGIN) if case.short_lead is None else (case.short_lead, SHORT_MARGIN)
    for name in SHORT_HISTORIES:
        chances[name, "persona"], chances[name, "champion"] = find_chances(SHORT_SHARE, *short)
    # Half of a question's luck is its own: arms tend to be right on the same questions.
    shared = rng.random(len(users))
    right = {}
    for key, chance in chances.items():
        luck = 0.5 * (shared + rng.random(len(users)))
        ranks = np.where(luck < 0.5, 2 * luck**2, 1 - 2 * (1 - luck) ** 2)  # uniform again
        right[key] = (ranks < chance).astype(np.float64)
    if case.metric == "mae":
        right = {key: 1 - values for key, values in right.items()}
    right |= {
        (name, "instruction_only"): right[ALL, "instruction_only"] for name in SHORT_HISTORIES
    }
    if case.is_rare:
        mean = ACCURACY + case.effect
        if case.metric == "mae":
            rate = (1 - mean) * case.lead * MARGIN / POINTS_LOST
            right[ALL, "champion"] = right[ALL, "persona"].copy()
            right[ALL, "persona"] += POINTS_LOST * (rng.random(len(users)) < rate)
        else:
            rate = mean * case.lead * MARGIN / (1 - case.lead * MARGIN) / (1 - mean)
            lost = rng.random(len(users)) < rate
            right[ALL, "champion"] = np.maximum(right[ALL, "persona"], lost)
        right |= {(name, "champion"): right[name, "persona"] for name in SHORT_HISTORIES}
    right |= {(name, "reference"): right[name, "champion"] for name in (ALL, *SHORT_HISTORIES)}
    return right, users


def measure(
    right: dict[tuple[str, str], np.ndarray],
    users: np.ndarray,
    metric: Metric,
    num_draws: int,
    seed: int,
) -> Evidence:
    """Measure simulated answers as the pipeline measures real ones."""
    ones = np.ones(len(users))
    # All slices are of the same questions, so that they share the resamples.
    statistics: dict[tuple[str, Metric], FloatArray] = {
        (f"{name}/{arm}", metric): np.column_stack([values, ones])
        for (name, arm), values in right.items()
    }
    figures = measure_figures(statistics, users, num_draws, seed)
    counts = (len(users), int(users[-1]) + 1, count_effective_users(users))
    slices = {
        name: SliceEvidence(
            {
                (arm, metric): figures[f"{where}/{arm}", metric]
                for where, arm in right
                if where == name
            },
            *counts,
        )
        for name in (ALL, *SHORT_HISTORIES)
    }
    num_questions = np.bincount(users)
    gain = sign_of(metric) * (right[ALL, "persona"] - right[ALL, "instruction_only"])
    gains = {"instruction_only": np.bincount(users, weights=gain) / num_questions}
    users_gains = UserGains(num_questions, gains, num_draws, seed)
    largest_loss = POINTS_LOST if metric == "mae" else 1.0
    return Evidence((metric,), slices, {}, users_gains, largest_loss)


def run_trials(
    case: Case, population: Population, trials: int, num_draws: int, seed: int
) -> Outcome:
    """Simulate candidates and count those that are promoted."""
    rng = np.random.default_rng((seed, *population, [*FALSE, REAL].index(case)))
    promotions = 0
    for trial in tqdm(range(trials), desc=f"{population}, {case.name}"):
        right, users = simulate_answers(population, case, rng)
        evidence = measure(right, users, case.metric, num_draws, trial)
        promotions += decide(evidence, RIVALS, ARTIFACT, CONFIG).promoted
    return Outcome(case, population, promotions, trials)


def time_bootstrap() -> float:
    """Return the seconds of 2,000 resamples over 100,000 questions of 10,000 users, four arms."""
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(10_000, size=100_000))
    users = np.unique(users, return_inverse=True)[1]
    right = {arm: (rng.random(len(users)) < ACCURACY).astype(np.float64) for arm in ARMS}
    ones = np.ones(len(users))
    started = time.perf_counter()
    measure_figures(
        {(arm, "accuracy"): np.column_stack([v, ones]) for arm, v in right.items()}, users, 2000, 0
    )
    return time.perf_counter() - started


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--trials", type=int, default=1000, help="candidates of each setting")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap resamples of each")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    arguments = parser.parse_args()
    settings = (arguments.trials, arguments.draws, arguments.seed)
    false = [run_trials(case, asking, *settings) for case in FALSE for asking in POPULATIONS]
    real = [run_trials(REAL, asking, *settings) for asking in POPULATIONS]
    for outcome in [*false, *real]:
        print(
            f"{outcome.population}, {outcome.case.name}: {outcome.promotions} of "
            f"{outcome.trials} promoted ({outcome.rate:.3f}, at most {outcome.high:.3f})"
        )
    result = {
        "false_promotion_rate": max(outcome.rate for outcome in false),
        "false_promotion_high": max(outcome.high for outcome in false),
        "power": next(outcome.rate for outcome in real if outcome.population == LARGEST),
        "bootstrap_seconds": round(time_bootstrap(), 2),
    }
    print(json.dumps(result) if arguments.json else result)


if __name__ == "__main__":
    main()
