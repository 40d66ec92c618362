"""What to answer by a belief in the labels: the answers with the least expected loss of a metric.

Letters: N questions, L labels.
"""

import numpy as np


def best_answers(belief_NL: np.ndarray, metric: str) -> np.ndarray:
    """Return the labels with the least expected loss, int64 [N].

    Mode (accuracy), median (mae), rounded mean (rmse), or what macro F1 gains most by.
    """
    if metric == "mae":
        return np.asarray((belief_NL.cumsum(axis=1) < 0.5).sum(axis=1))
    if metric == "rmse":
        return np.rint(belief_NL @ np.arange(belief_NL.shape[1])).astype(np.int64)
    if metric == "macro_f1":
        return maximize_macro_f1(belief_NL)
    return np.asarray(belief_NL.argmax(axis=1))


def expect_f1(belief_NL: np.ndarray, answers_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by label the F1 of the expected counts, and what it divides by: both float64 [L]."""
    is_answer_NL = answers_N[:, None] == np.arange(belief_NL.shape[1])
    sizes_L = (is_answer_NL + belief_NL).sum(axis=0)
    hits_L = (is_answer_NL * belief_NL).sum(axis=0)
    return 2 * hits_L / np.maximum(sizes_L, 1e-12), sizes_L


def maximize_macro_f1(belief_NL: np.ndarray) -> np.ndarray:
    """Climb from the modes to the answers with the best macro F1 of the expected counts, int64 [N].

    An answer's worth hangs on all other answers: answering l more often adds (2 p_l - F_l) / size_l
    to the sum of F1. Answers move where that gains most; when a step of all of them overshoots,
    half as many move.
    """
    answers = belief_NL.argmax(axis=1)
    rows, share = np.arange(len(belief_NL)), 1.0
    f1, sizes = expect_f1(belief_NL, answers)
    while True:
        gains_NL = (2 * belief_NL - f1) / np.maximum(sizes, 1e-12)
        better = gains_NL.argmax(axis=1)
        advantage = gains_NL[rows, better] - gains_NL[rows, answers]
        num_moved = int(share * (advantage > 0).sum())
        if not num_moved:
            return answers
        moved = np.argsort(-advantage, kind="stable")[:num_moved]
        trial = answers.copy()
        trial[moved] = better[moved]
        trial_f1, trial_sizes = expect_f1(belief_NL, trial)
        if trial_f1.mean() > f1.mean() + 1e-12:
            answers, f1, sizes = trial, trial_f1, trial_sizes
        else:
            share /= 2
