"""Hand on the texts of a batch word by word, while its tokens are generated."""

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedTokenizerBase
from transformers.generation.streamers import BaseStreamer

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What the first bytes of a character decode to."""


class RowStreamer(BaseStreamer):
    """Takes a batch's tokens one step at a time, as `generate` gives them.

    Unlike transformers' own streamers it takes many rows, and together the pieces are what the
    whole answer decodes to.

    Args:
        tokenizer: The LLM's.
        listeners: Who is told the pieces of each row; None for nobody.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        listeners: Sequence[Callable[[str], None] | None],
    ) -> None:
        self._tokenizer = tokenizer
        self._listeners = listeners
        self._ids: list[list[int]] = [[] for _ in listeners]
        self._told = [0] * len(listeners)
        self._has_begun = False

    def put(self, value: torch.Tensor) -> None:
        """Take the next token of each row, int64 [B]; what comes first is what stands before."""
        if not self._has_begun:
            self._has_begun = True
            return
        for row, token in enumerate(value.tolist()):
            self._ids[row].append(token)
            listener = self._listeners[row]
            if listener is not None:
                self._tell(row, listener)

    def end(self) -> None:
        """Leave the last words to the answer itself."""

    def _tell(self, row: int, listener: Callable[[str], None]) -> None:
        text = self._tokenizer.decode(self._ids[row], skip_special_tokens=True)
        settled = find_settled(text)
        if len(settled) > self._told[row]:
            listener(settled[self._told[row] :])
            self._told[row] = len(settled)


def find_settled(text: str) -> str:
    """Return the beginning of an answer that later tokens do not change, without outer spaces.

    A word may still grow, and a tokenizer may draw what follows nearer to it; in a script without
    spaces every character is settled.

    Example:
        >>> find_settled(" a tale of ti"), find_settled("旅行")
        ('a tale of', '旅行')
    """
    if text and not text[-1].isascii() and text[-1] != UNFINISHED:
        return text.strip()
    return text[: text.rfind(" ") + 1].strip()
