"""Which items are chosen, best first, worked by hand for each retriever."""

import math
from typing import get_args

import numpy as np
import pytest

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_sentence_encoder
from components.retrieval.config import Retriever
from components.retrieval.select_items import build_rank, select_items
from tests.components.retrieval.histories import build_histories
from tests.components.tiny_models import WIDTH

RETRIEVERS = get_args(Retriever)


@pytest.fixture
def encoder(encoder_folder):
    return EncoderConfig(name=str(encoder_folder))


@pytest.fixture
def build(tmp_path, encoder):
    """Build histories and what scores all their questions; vectors are encoded if not given."""

    def build_ranked(users, retriever, vectors=None, encoder=encoder, seed=0):
        histories = build_histories(tmp_path / "tables", users)
        (tmp_path / "vectors").mkdir()
        if vectors is None and retriever == "dense":
            texts = list(histories.items["text"])
            vectors = encode_texts(load_sentence_encoder(encoder), texts, encoder)
        np.save(tmp_path / "vectors" / "vectors.npy", [] if vectors is None else vectors)
        made = BehaviorVectors.at(tmp_path / "vectors")

        def choose(num_items, question_rows=None, seed=seed):
            question_rows = range(len(users)) if question_rows is None else question_rows
            rank = build_rank(histories, question_rows, retriever, made, encoder, seed)
            selected = select_items(histories, question_rows, num_items, rank)
            return [rows.tolist() for rows in selected]

        def score(place, rows):
            rank = build_rank(histories, range(len(users)), retriever, made, encoder, seed)
            return rank(place, np.asarray(rows, dtype=np.int64))

        return choose, score

    return build_ranked


WORDS = ["a classic tale", "fantasy", "time travel", "a dystopia", "comedy"]
USERS = [(WORDS, "time"), ([], "time"), (["romance", "a book"], "book")]


@pytest.mark.parametrize("retriever", RETRIEVERS)
def test_items_are_the_questions_own_and_no_more_than_there_are(build, retriever):
    choose, _ = build(USERS, retriever)
    whole, none, short = choose(4)
    assert len(set(whole)) == 4
    assert set(whole) < {0, 1, 2, 3, 4}
    assert none == []
    assert set(short) == {5, 6}


@pytest.mark.parametrize("retriever", RETRIEVERS)
def test_fewer_items_are_the_first_of_more(build, retriever):
    choose, _ = build(USERS, retriever)
    assert choose(1) == [rows[:1] for rows in choose(5)]


@pytest.mark.parametrize("retriever", RETRIEVERS)
def test_a_questions_items_do_not_hang_on_the_other_questions(build, retriever):
    choose, _ = build(USERS, retriever)
    assert choose(3, [2, 0]) == choose(3)[::-2]


def test_no_question_no_items(build):
    choose, _ = build(USERS, "dense")
    assert choose(3, []) == []


def test_recency_is_newest_first(build):
    choose, _ = build(USERS, "recency")
    assert choose(3) == [[4, 3, 2], [], [6, 5]]


def test_random_is_seeded_by_run_and_question(build):
    users = [(WORDS * 4, "time")] * 2
    choose, _ = build(users, "random")
    first = choose(20)
    assert choose(20) == first
    assert choose(20, seed=1) != first
    same_places = [row - 20 for row in first[1]]
    assert sorted(same_places) == sorted(first[0])
    assert same_places != first[0]


def test_random_favours_no_place(build):
    choose, _ = build([(WORDS, "time")] * 1000, "random")
    counts = np.bincount([rows[0] % 5 for rows in choose(1)], minlength=5)
    # 200 each; the standard deviation is 12.6.
    assert abs(counts - 200).max() < 50


def test_words_by_hand(build):
    """BM25 with k1 = 1.5; b is idle, as every item has two words."""
    choose, score = build([(["dog cat", "cat cat", "bird fish"], "The cat!")], "bm25")
    # Two of three items hold the word: ln(1 + 1.5 / 2.5); once and twice of tf / (tf + 1.5).
    rarity = math.log(1.6)
    expected = [rarity * 1 / 2.5, rarity * 2 / 3.5, 0]
    np.testing.assert_allclose(score(0, [0, 1, 2]), expected, rtol=1e-6)
    assert choose(3) == [[1, 0, 2]]


def test_a_long_item_counts_less_for_the_same_word(build):
    """BM25 with b = 0.75: items of one and three words, two on average."""
    choose, score = build([(["cat", "cat likes dogs"], "cat")], "bm25")
    rarity = math.log(1 + 0.5 / 2.5)
    short, long = (1 / (1 + 1.5 * (0.25 + 0.75 * length / 2)) for length in (1, 3))
    np.testing.assert_allclose(score(0, [0, 1]), [rarity * short, rarity * long], rtol=1e-6)
    assert choose(2) == [[0, 1]]


def test_a_rare_word_is_rare_in_the_own_history(build):
    """The other user's items are all of dogs, which tells nothing of this one's."""
    users = [(["cat one", "cat two", "dog six"], "cat dog"), (["dog"] * 9, "dog")]
    choose, score = build(users, "bm25")
    alone, _ = score(0, [0, 1, 2]), score(1, range(3, 12))
    np.testing.assert_allclose(alone, np.log([1.6, 1.6, 1 + 2.5 / 1.5]) / 2.5, rtol=1e-6)
    assert choose(3)[0] == [2, 1, 0]


@pytest.mark.parametrize("payload", ["zebra", "", "? a !", "été"])
def test_without_a_word_in_common_the_newest_come_first(build, payload):
    choose, score = build([(["dog cat", "cat cat", "bird fish"], payload)], "bm25")
    assert score(0, [0, 1, 2]).tolist() == [0, 0, 0]
    assert choose(2) == [[2, 1]]


def test_items_without_words_score_nothing(build):
    choose, _ = build([(["", "cat", "!", ""], "cat"), (["", "!"], "cat")], "bm25")
    assert choose(4) == [[1, 3, 2, 0], [5, 4]]


def test_items_alike_are_chosen_newest_first(build):
    choose, _ = build([(["cat", "dog", "cat", "dog", "cat"], "dog")], "bm25")
    assert choose(4) == [[3, 1, 4, 2]]


def test_words_of_any_script_whatever_their_case(build):
    texts = ["ÉTÉ à Paris", "щит и пёс", "猫が好き 犬", "cafe \U0001f600"]
    choose, _ = build([(texts, payload) for payload in ("été", "ЩИТ", "猫が好き")], "bm25")
    assert [rows[0] for rows in choose(1)] == [0, 4 + 1, 8 + 2]


def test_vectors_by_hand(build, encoder):
    [asked] = encode_texts(load_sentence_encoder(encoder), ["time"], encoder)
    shares = np.array([0.25, -1, 0.5, 0.25, 0], dtype=np.float16)
    vectors = shares[:, None] * asked
    choose, score = build([(WORDS, "time")], "dense", vectors=vectors)
    np.testing.assert_allclose(score(0, range(5)), shares, atol=2e-3)
    assert choose(5) == [[2, 3, 0, 4, 1]]  # of two alike the newer one


def test_dense_finds_the_same_text(build):
    choose, _ = build([(WORDS, payload) for payload in WORDS], "dense")
    assert [rows[0] % 5 for rows in choose(1)] == [0, 1, 2, 3, 4]


def test_dense_asks_with_the_query_prompt(build, encoder):
    asking = encoder.model_copy(update={"prompt": "book ", "query_prompt": "comedy "})
    plain = load_sentence_encoder(encoder)
    vectors = encode_texts(plain, ["book time", "comedy time", "time"], encoder)
    assert vectors.shape == (3, WIDTH)
    choose, _ = build([(WORDS[:3], "time")], "dense", vectors=vectors, encoder=asking)
    assert choose(1) == [[1]]
