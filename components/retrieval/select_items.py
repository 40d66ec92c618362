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
        newest_first = np.arange(len(rows))[::-1]
        best = np.argsort(-rank(place, rows)[newest_first], kind="stable")[:num_items]
        selected.append(rows[newest_first[best]])
    return selected


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


def _score_by_words(items: Dataset, payloads: list[str]) -> Rank:
    # Imported here: only runs with this arm need it.
    import bm25s

    texts = items["text"]
    known: dict[int, list[str]] = {}

    def tokenize(batch: list[str]) -> list[list[str]]:
        words: list[list[str]] = bm25s.tokenize(
            batch, stopwords=None, return_ids=False, show_progress=False
        )
        return words

    queries = tokenize(payloads)

    def score(place: int, rows: IntArray) -> NDArray[np.float64]:
        new = [row for row in rows.tolist() if row not in known]
        if new:
            known.update(zip(new, tokenize([texts[row] for row in new]), strict=True))
        documents = [known[row] for row in rows.tolist()]
        if not any(documents) or not queries[place]:
            return np.zeros(len(rows))
        index = bm25s.BM25()
        index.index(documents, show_progress=False)
        return np.asarray(index.get_scores(queries[place]), dtype=np.float64)

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
