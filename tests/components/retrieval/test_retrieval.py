"""What the LLM reads: the chosen items, best first, and its own part of the question."""

import numpy as np
import pytest

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.llm.config import LLMConfig
from components.retrieval.retrieval import Retrieval
from tests.components.retrieval.histories import build_histories
from tests.components.tiny_models import make_t5

USERS = [(["cat", "cat dog", "fish"], "dog"), ([], "dog"), (["été"], "щит")]


@pytest.fixture
def read(tmp_path):
    histories = build_histories(tmp_path / "tables", USERS)

    def read_rows(rows, reads="payload", max_length=99, retriever="bm25"):
        retrieval = Retrieval(retriever, 2, EncoderConfig(), 0)
        llm = LLMConfig(reads=reads, max_input_length=max_length)
        vectors = BehaviorVectors.at(tmp_path)
        return retrieval.read(histories, vectors, llm, make_t5())(rows)

    return read_rows


@pytest.mark.parametrize("rows", [[0, 1, 2], np.array([0, 1, 2])])
def test_the_best_items_before_the_payload(read, rows):
    assert read(rows) == ["cat dog\nfish\ndog", "dog", "été\nщит"]


def test_items_are_chosen_by_the_payload_whatever_the_llm_reads(read):
    assert read([1, 0], "input") == ["ask: dog", "cat dog\nfish\nask: dog"]


def test_items_are_cut_to_the_llms_longest_prompt(read):
    # Of twelve tokens the question takes four and two new lines two.
    assert read([0], max_length=12) == ["cat\nfis\ndog"]
    assert read([2], max_length=11) == ["é\nщит"]


def test_the_newest_of_more_items(read):
    assert read([0], retriever="recency") == ["fish\ncat dog\ndog"]
