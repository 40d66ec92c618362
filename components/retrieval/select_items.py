"""Which items of a user's history stand in a prompt: random, newest, or most like the question.

BM25 scores by words within the question's own history, as the benchmark's own baselines do; dense
compares the frozen encoder's vectors. Items that score alike are ranked newest first.

Letters: H history items, E encoder width.
"""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from components.encoders.behavior_vectors import BehaviorVectors, find_device
from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_history_encoder
from components.histories.tables import Histories
from components.retrieval.config import Retriever

IntArray = NDArray[np.int64]
Rank = Callable[[int, IntArray], NDArray[np.float64]]
"""From a question's place among the asked ones and its history (rows of items) to scores [H]."""


def select_items(
    histories: Histories, question_rows: Sequence[int] | IntArray, num_items: int, rank: Rank
) -> list[IntArray]:
    """Return each question's best items as rows of `histories.items`, the best one first.

    Args:
        histories: The tables.
        question_rows: Which questions.
        num_items: Most items of one question.
        rank: Scores a question's history; from `build_rank` for the same questions.
    """
    selected = []
    for place, history in enumerate(histories.questions.select(question_rows)["history"]):
        rows = np.asarray(history, dtype=np.int64)
        selected.append(rows[find_best(rank(place, rows), num_items)])
    return selected


def find_best(scores_H: NDArray[np.float64], num_items: int) -> IntArray:
    """Return the places of the highest scores, the highest first, of equal ones the last first.

    Example:
        >>> find_best(np.array([1.0, 2.0, 1.0]), 2)
        array([1, 2])
    """
    newest_first = np.arange(len(scores_H))[::-1]
    best = np.argsort(-scores_H[newest_first], kind="stable")[:num_items]
    return newest_first[best]


def build_rank(
    histories: Histories,
    question_rows: Sequence[int] | IntArray,
    retriever: Retriever,
    vectors: BehaviorVectors,
    encoder: EncoderConfig,
    seed: int,
) -> Rank:
    """Build what scores the questions' histories.

    Args:
        histories: The tables.
        question_rows: Which questions.
        retriever: How.
        vectors: Behavior vectors of all items; only dense reads them.
        encoder: What made them; encodes the questions for dense.
        seed: Of random.
    """
    chosen = histories.questions.select(question_rows)
    payloads = chosen["payload"]
    if retriever == "random":
        return _score_at_random(list(chosen["question_id"]), seed)
    if retriever == "recency":
        return lambda _, rows: np.arange(len(rows), dtype=np.float64)
    if retriever == "bm25":
        return _score_by_words(histories.items, list(payloads))
    return _score_by_vectors(vectors, list(payloads), encoder)


def _score_at_random(question_ids: list[str], seed: int) -> Rank:
    def score(place: int, rows: IntArray) -> NDArray[np.float64]:
        digest = hashlib.blake2b(f"{seed}:{question_ids[place]}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest, "big")).random(len(rows))

    return score


def split_words(texts: Sequence[str]) -> list[list[str]]:
    """Split texts into the words that BM25 counts."""
    # Imported here: only runs with this arm need it.
    import bm25s

    words: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords=None, return_ids=False, show_progress=False
    )
    return words


def score_words(query: list[str], documents: Sequence[list[str]]) -> NDArray[np.float64]:
    """Return the BM25 scores of documents among themselves; all 0 where no word is known."""
    import bm25s

    if not any(documents) or not query:
        return np.zeros(len(documents))
    index = bm25s.BM25()
    index.index(documents, show_progress=False)
    return np.asarray(index.get_scores(query), dtype=np.float64)


def _score_by_words(items: Dataset, payloads: list[str]) -> Rank:
    texts = items["text"]
    known: dict[int, list[str]] = {}
    queries = split_words(payloads)

    def score(place: int, rows: IntArray) -> NDArray[np.float64]:
        new = [row for row in rows.tolist() if row not in known]
        if new:
            known.update(zip(new, split_words([texts[row] for row in new]), strict=True))
        return score_words(queries[place], [known[row] for row in rows.tolist()])

    return score


def _score_by_vectors(
    vectors: BehaviorVectors, payloads: list[str], encoder: EncoderConfig
) -> Rank:
    matrix_NE = vectors.open()
    asking = encoder.model_copy(update={"prompt": encoder.query_prompt})
    queries = encode_texts(load_history_encoder(encoder, find_device()), payloads, asking)

    def score(place: int, rows: IntArray) -> NDArray[np.float64]:
        history_HE = matrix_NE[rows].astype(np.float64)
        return np.asarray(history_HE @ queries[place].astype(np.float64))

    return score
