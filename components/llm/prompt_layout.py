"""How a prompt is written for an LLM: what stands before the soft prompt, and around the text.

    encoder-decoder    [I ; P] text </s>
    decoder-only       <s> [I ; P] text
    chat template      <s> <user> [I ; P] text <end> <assistant>

Training, evaluation and serving read it from here, so the persona stands at the same place in all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QUESTION, ANSWER = "PersonaPlugQuestion", "PersonaPlugAnswer"
"""Stand in a chat template where a text will."""


@dataclass(frozen=True)
class PromptLayout:
    """The tokens around a prompt's text and soft prompt."""

    front: tuple[int, ...]
    """Before the soft prompt."""
    head: tuple[int, ...]
    """Between soft prompt and text."""
    tail: tuple[int, ...]
    """Behind the text."""
    end: int
    """Closes an answer."""

    def find_room(self, max_length: int) -> int:
        """Return how many tokens of text fit into a prompt of so many tokens.

        Raises:
            ValueError: If none does.
        """
        taken = len(self.front) + len(self.head) + len(self.tail)
        if max_length <= taken:
            raise ValueError(
                f"llm.max_input_length is {max_length}, and what stands around a text takes {taken}"
            )
        return max_length - taken

    def wrap(self, text_ids: Sequence[int]) -> list[int]:
        """Return what follows the soft prompt."""
        return [*self.head, *text_ids, *self.tail]


def lay_out_plainly(
    tokenizer: "PreTrainedTokenizerBase", is_encoder_decoder: bool, end: int
) -> PromptLayout:
    """Lay out a text with the tokenizer's own special tokens.

    In a decoder-only LLM the start token stays first: it is trained to be found there. What a
    tokenizer puts behind a text is left out, as the answer goes on where the text ends.
    """
    [plain] = tokenizer(["a"], add_special_tokens=False)["input_ids"]
    [whole] = tokenizer(["a"])["input_ids"]
    start = next(at for at in range(len(whole)) if whole[at : at + len(plain)] == plain)
    before, behind = tuple(whole[:start]), tuple(whole[start + len(plain) :])
    if is_encoder_decoder:
        return PromptLayout((), before, behind, end)
    return PromptLayout(before, (), (), end)


def lay_out_chat(tokenizer: "PreTrainedTokenizerBase", options: Mapping[str, Any]) -> PromptLayout:
    """Lay out a text as the user's turn of a chat, the soft prompt at the turn's beginning.

    Args:
        tokenizer: Has a chat template.
        options: Handed to the template.

    An answer ends with the template's own end of a turn, or where it has none with the tokenizer's.

    Raises:
        ValueError: If there is no template, or a text has no single place in it.
    """
    before, behind = render_turn(tokenizer, options)
    asked = {"role": "user", "content": QUESTION}
    answered = [asked, {"role": "assistant", "content": ANSWER}]
    _, closing = _split(_render(tokenizer, answered, False, options), ANSWER)
    front, tail, ends = tokenizer([before, behind, closing], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    end = next((token for token in ends if token in special), tokenizer.eos_token_id)
    return PromptLayout(tuple(front), (), tuple(tail), end)


def render_turn(
    tokenizer: "PreTrainedTokenizerBase", options: Mapping[str, Any]
) -> tuple[str, str]:
    """Return what a chat template writes before and behind a question, the answer's opening too.

    Args:
        tokenizer: Has a chat template.
        options: Handed to the template.

    Raises:
        ValueError: If there is no template, or a question has no single place in it.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            f"llm.use_chat_template: the tokenizer of {tokenizer.name_or_path!r} has no template"
        )
    asked = [{"role": "user", "content": QUESTION}]
    return _split(_render(tokenizer, asked, True, options), QUESTION)


def _render(
    tokenizer: "PreTrainedTokenizerBase",
    messages: list[dict[str, str]],
    asks: bool,
    options: Mapping[str, Any],
) -> str:
    from jinja2 import TemplateError  # the templates' own; only a run with a chat needs it

    try:
        text: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=asks, **options
        )
    except TemplateError as err:
        raise ValueError(f"llm.use_chat_template: the template refuses a question: {err}") from err
    return text


def _split(rendered: str, mark: str) -> tuple[str, str]:
    before, *behind = rendered.split(mark)
    if len(behind) != 1:
        raise ValueError(
            f"llm.use_chat_template: a text stands {len(behind)} times in the template's "
            f"{rendered!r}, not once"
        )
    return before, behind[0]
