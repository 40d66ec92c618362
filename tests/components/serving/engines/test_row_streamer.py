"""A batch's words as they come: only what later tokens do not change, each row for itself."""

import pytest
import torch

from components.serving.engines.row_streamer import RowStreamer, find_settled
from tests.components.tiny_models import make_tokenizer


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("", ""),
        ("  ", ""),
        ("ti", ""),
        ("a tale of ti", "a tale of"),
        (" a tale ", "a tale"),
        ("旅行", "旅行"),
        ("a 旅", "a 旅"),
        ("旅\N{REPLACEMENT CHARACTER}", ""),
        ("on 旅\N{REPLACEMENT CHARACTER}", "on"),
    ],
)
def test_what_is_settled(text, settled):
    assert find_settled(text) == settled


def test_each_row_tells_its_own_listener():
    tokenizer = make_tokenizer("", "")
    told = [[], [], []]
    streamer = RowStreamer(tokenizer, [told[0].append, None, told[2].append])
    streamer.put(torch.zeros(3, 1, dtype=torch.long))  # what stands before
    texts = ["on a book", "not heard", "旅 b c"]
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    for step in range(max(map(len, rows))):
        tokens = [row[step] if step < len(row) else 1 for row in rows]
        streamer.put(torch.tensor(tokens))
    streamer.end()
    assert told == [["on", " a"], [], ["旅", " b"]]
