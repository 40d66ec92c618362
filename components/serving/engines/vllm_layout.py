"""How a prompt reaches the LLM by way of a vLLM server: at the places where training had it.

A chat's message is a list of parts, here the soft prompt `[I ; P]` and the text. Read from vLLM
0.33.0 (`vllm/renderers`; parts of this kind came with 0.21.0):

- A part of embeddings becomes one special token, `PLACEHOLDER`. When the chat template has been
  rendered and tokenized, without further special tokens, it is widened to as many places as it has
  rows, and those places take the rows. A text that holds the placeholder is refused.
- By the content format `string`, parts are joined by a line break before the template sees them. By
  `openai` the template is given the list and joins them itself. Unless the operator says which, the
  server reads the template's source: does it loop over a message's content?

Training puts the soft prompt right before the text, and no model's own template is asked to. So a
server gets a template from here: what the model's own one writes before and behind a question, and
the parts between, joined by nothing (`--chat-template FILE --chat-template-content-format openai`).
An LLM without a chat is served the same way: its template writes the start token alone.
"""

import copy
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.llm.config import LLMConfig
from components.llm.prompt_layout import render_turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACEHOLDER = "<prompt_embeds>"
VECTORS = None
"""Where a soft prompt's rows come, in a list of tokens."""
PARTS = '{% for part in messages[-1]["content"] %}{{ part["text"] }}{% endfor %}'
Token = int | None


def write_template(
    tokenizer: "PreTrainedTokenizerBase", config: LLMConfig, front: Sequence[int]
) -> str:
    """Write the template that a server is to be started with.

    Args:
        tokenizer: The LLM's.
        config: Says whether prompts are a chat's turn.
        front: The tokens before the soft prompt.

    Raises:
        ValueError: If the tokens before the soft prompt are no text.
    """
    if config.use_chat_template:
        before, behind = render_turn(tokenizer, config.chat_options)
    else:
        before, behind = tokenizer.decode(list(front)), ""
    found = tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
    if list(found) != list(front):
        raise ValueError(
            f"a template cannot write the tokens {list(front)} before the soft prompt: "
            f"{before!r} is read as {list(found)}"
        )
    # JSON's escapes are Jinja's; a letter beyond ASCII stands as it is.
    first, last = (json.dumps(text, ensure_ascii=False) for text in (before, behind))
    return f"{{{{ {first} }}}}{PARTS}{{{{ {last} }}}}"


def read_as_server(
    tokenizer: "PreTrainedTokenizerBase", template: str, text: str, has_vectors: bool
) -> list[Token]:
    """Return the tokens that a server reads of a request, `VECTORS` where the soft prompt comes.

    Args:
        tokenizer: The LLM's.
        template: What the server was started with.
        text: The request's text.
        has_vectors: Whether it has a soft prompt.
    """
    server = copy.deepcopy(tokenizer)
    server.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
    parts = [PLACEHOLDER, text] if has_vectors else [text]
    content = [{"type": "text", "text": part} for part in parts]
    ids: list[int] = server.apply_chat_template(
        [{"role": "user", "content": content}],
        chat_template=template,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    placeholder = server.convert_tokens_to_ids(PLACEHOLDER)
    return [VECTORS if token == placeholder else token for token in ids]


def read_as_trained(
    tokenizer: "PreTrainedTokenizerBase",
    around: tuple[Sequence[int], Sequence[int], Sequence[int]],
    text: str,
    has_vectors: bool,
) -> list[Token]:
    """Return the tokens that the LLM read in training, `VECTORS` where the soft prompt comes.

    Args:
        tokenizer: The LLM's.
        around: Tokens before the soft prompt, between it and the text, and behind the text.
        text: The text.
        has_vectors: Whether there is a soft prompt.
    """
    front, head, tail = around
    text_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*front, *([VECTORS] if has_vectors else []), *head, *text_ids, *tail]
