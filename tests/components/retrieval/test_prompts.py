"""Prompts by hand: a token is a byte here."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from components.retrieval.prompts import build_prompt
from tests.components.tiny_models import make_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer("", "</s>")


def count(tokenizer, text):
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_items_stand_in_their_order_before_the_question(tokenizer):
    assert build_prompt(tokenizer, "ask", ["one", "two"], 99) == "one\ntwo\nask"


@pytest.mark.parametrize("limit", [1, 4, 99])
def test_without_items_the_question_stands_alone(tokenizer, limit):
    assert build_prompt(tokenizer, "ask", [], limit) == "ask"


def test_every_item_is_cut_to_the_same_share(tokenizer):
    # 13 tokens less the question's 3 and 2 new lines are 8: four each.
    assert build_prompt(tokenizer, "ask", ["aaaaaa", "bbbbbb"], 13) == "aaaa\nbbbb\nask"


@pytest.mark.parametrize(
    ("items", "expected"),
    [(["b", "aaaaaaa"], "b\naaaaaaa\nask"), (["aaaaaaa", "b"], "aaaaa\nb\nask")],
)
def test_what_a_short_item_leaves_goes_to_those_after_it(tokenizer, items, expected):
    assert build_prompt(tokenizer, "ask", items, 13) == expected


def test_empty_items_cost_nothing(tokenizer):
    assert build_prompt(tokenizer, "ask", ["", "one", ""], 99) == "one\nask"


@pytest.mark.parametrize("limit", [1, 8, 9, 10])
def test_a_question_that_fills_the_budget_is_not_cut(tokenizer, limit):
    """Nine bytes are nine tokens; one more would only pay for a new line."""
    assert build_prompt(tokenizer, "long word", ["one", "two"], limit) == "long word"


def test_one_token_of_one_item(tokenizer):
    assert build_prompt(tokenizer, "long word", ["one"], 11) == "o\nlong word"


def test_a_letter_of_several_tokens_is_never_halved(tokenizer):
    # 12 tokens less 3 and a new line are 8: three letters of two bytes, and two of the next four.
    assert build_prompt(tokenizer, "ask", ["ééé\U0001f600x"], 12) == "ééé\nask"


def test_a_letter_that_does_not_fit_leaves_the_question_alone(tokenizer):
    assert build_prompt(tokenizer, "ask", ["\U0001f600"], 7) == "ask"
    assert build_prompt(tokenizer, "ask", ["\U0001f600"], 8) == "\U0001f600\nask"


def test_no_budget_is_ever_passed(tokenizer, encoder_folder):
    """With words, bytes and letters of several bytes, whatever there is to be cut."""
    rng = np.random.default_rng(0)
    words = ["tale", "of", "time", "sci-fi", "été", "\U0001f600", "", "  ", "щит"]
    pieces = AutoTokenizer.from_pretrained(encoder_folder)
    num_cut = 0
    for _ in range(300):
        items = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(rng.integers(6))]
        question, limit = " ".join(rng.choice(words, 3)), int(rng.integers(1, 80))
        for reader in (tokenizer, pieces):
            prompt = build_prompt(reader, question, items, limit)
            assert prompt == question or count(reader, prompt) <= limit
            assert prompt.endswith(question)
            kept = prompt.removesuffix(question).split("\n")[:-1]
            rest = iter(items)
            assert all(any(item.startswith(part) for item in rest) for part in kept)
            num_cut += 0 < len("".join(kept)) < len("".join(items))
    assert num_cut > 50
