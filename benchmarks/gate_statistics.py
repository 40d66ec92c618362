"""How often the promotion rule promotes what it must not, and how often what it should.

Candidates are simulated where the rule is most easily deceived: persona equals instruction_only,
or the champion is better by exactly the margin, or both, and shuffled is far worse. They are judged
by the bootstrap and the rule that the pipeline uses. Users differ in how much a persona helps them
and, with a heavy tail, in how much they ask.

    python -m benchmarks.gate_statistics --json

prints progress and, as the last line, `false_promotion_rate` and its Clopper-Pearson upper limit
`false_promotion_high` (the worst of all cases and numbers of users), `power` at a real effect for
the largest number of users, and `bootstrap_seconds` for 2,000 resamples over 100,000 questions.
"""

import argparse
import json
import time
from typing import NamedTuple

import numpy as np
from scipy.stats import beta
from tqdm import tqdm

from components.evaluation.bootstrap import build_interval, count_effective_users, resample_sums
from components.evaluation.evaluation import Evaluation
from components.promotion.config import PromotionConfig
from components.promotion.rule import ChampionComparison, decide

NUM_USERS = (20, 100, 700)
ARMS = ("persona", "instruction_only", "shuffled", "champion")
ACCURACY = 0.6
SHUFFLED_LOSS = 0.2
USER_SPREAD = 0.05
"""Standard deviation over users of their level, and of what a persona gains for one."""
CONFIG = PromotionConfig(min_users=1)
"""The rule without its fewest users, so that the intervals alone are tested."""
CHAMPION = ChampionComparison(version="1", weights_hash="champion", candidate_weights_hash="new")


class Case(NamedTuple):
    """What candidate is judged, in accuracy."""

    name: str
    effect: float
    """What persona gains over instruction_only on average."""
    lead: float
    """What the champion is better than persona by, on average; in margins of the rule."""


FALSE = (
    Case("equal to instruction_only, champion better by the margin", 0.0, 1.0),
    Case("equal to instruction_only, champion far worse", 0.0, -20.0),
    Case("better than instruction_only, champion better by the margin", 0.1, 1.0),
)
REAL = Case("better than instruction_only and the champion by .05", 0.05, -8.0)


class Outcome(NamedTuple):
    """Promotions among the trials of one case."""

    case: Case
    num_users: int
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
    num_users: int, case: Case, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which arms are right, float64 [N, arms] by `ARMS`, and each question's user [N]."""
    num_questions = np.minimum(1 + rng.lognormal(1.0, 1.0, num_users).astype(np.int64), 200)
    users = np.repeat(np.arange(num_users), num_questions)
    level_U, gain_U, champions_U = rng.normal(0, USER_SPREAD, (3, num_users))
    plain = ACCURACY + level_U[users]
    persona = plain + case.effect + gain_U[users]
    # The margin is a share of the champion's value: c = p + lead * share * c.
    champion_mean = (ACCURACY + case.effect) / (1 - case.lead * CONFIG.margin_share)
    champion = plain - ACCURACY + champion_mean + champions_U[users]
    chances = np.column_stack([persona, plain, plain - SHUFFLED_LOSS, champion])
    # Half of a question's luck is its own: arms tend to be right on the same questions.
    luck = 0.5 * (rng.random((len(users), 1)) + rng.random((len(users), len(ARMS))))
    ranks = np.where(luck < 0.5, 2 * luck**2, 1 - 2 * (1 - luck) ** 2)  # uniform again
    return (ranks < chances).astype(np.float64), users


def evaluate(right: np.ndarray, users: np.ndarray, num_draws: int, seed: int) -> Evaluation:
    """Measure simulated answers as the pipeline measures real ones."""
    statistics = np.column_stack([right, np.ones(len(right))])
    sums = resample_sums(statistics, users, num_draws, seed)
    draws = sums[:, :-1] / sums[:, -1:]
    means, size = right.mean(axis=0), count_effective_users(users)
    return Evaluation(
        task="simulated",
        split="test",
        num_questions=len(right),
        num_users=int(users[-1]) + 1,
        arms={
            arm: {"accuracy": build_interval(means[column], draws[:, column], size)}
            for column, arm in enumerate(ARMS)
        },
        differences={
            f"persona_vs_{arm}": {
                "accuracy": build_interval(
                    means[0] - means[column], draws[:, 0] - draws[:, column], size
                )
            }
            for column, arm in enumerate(ARMS)
            if column
        },
    )


def run_trials(case: Case, num_users: int, trials: int, num_draws: int, seed: int) -> Outcome:
    """Simulate candidates and count those that are promoted."""
    rng = np.random.default_rng((seed, num_users, [*FALSE, REAL].index(case)))
    promotions = 0
    for trial in tqdm(range(trials), desc=f"{num_users} users, {case.name}"):
        evaluation = evaluate(*simulate_answers(num_users, case, rng), num_draws, trial)
        promotions += decide(evaluation, CHAMPION, CONFIG).promoted
    return Outcome(case, num_users, promotions, trials)


def time_bootstrap() -> float:
    """Return the seconds of 2,000 resamples over 100,000 questions of 10,000 users, four arms."""
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(10_000, size=100_000))
    users = np.unique(users, return_inverse=True)[1]
    right = (rng.random((len(users), len(ARMS))) < ACCURACY).astype(np.float64)
    started = time.perf_counter()
    evaluate(right, users, 2000, 0)
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
    false = [run_trials(case, users, *settings) for case in FALSE for users in NUM_USERS]
    real = [run_trials(REAL, users, *settings) for users in NUM_USERS]
    for outcome in [*false, *real]:
        print(
            f"{outcome.num_users:4d} users, {outcome.case.name}: {outcome.promotions} of "
            f"{outcome.trials} promoted ({outcome.rate:.3f}, at most {outcome.high:.3f})"
        )
    result = {
        "false_promotion_rate": max(outcome.rate for outcome in false),
        "false_promotion_high": max(outcome.high for outcome in false),
        "power": real[-1].rate,
        "bootstrap_seconds": round(time_bootstrap(), 2),
    }
    print(json.dumps(result) if arguments.json else result)


if __name__ == "__main__":
    main()
