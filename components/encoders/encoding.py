"""Encoding of many texts: what `SentenceTransformer.encode` does, with hardly any padding.

`encode` sorts by characters and pads to the longest of a number of texts: of film reviews a fifth
of what it computes is padding. Here texts are sorted by their tokens, and a batch is as many
of them as a budget of tokens holds, while the next ones are tokenized.

Letters: B texts of a batch, T tokens, E encoder width.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from components.encoders.config import EncoderConfig

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features = dict[str, Any]
"""What the encoder reads: ids, masks and types as int64 [B, T], and what holds for all texts."""
Given = TypeVar("Given")
Made = TypeVar("Made")

NUM_TOKENIZED = 4096
"""Texts tokenized, and sorted by their tokens, at once."""
BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768}
"""Tokens of a batch by device: a CPU wants them in its cache, a GPU wants many."""


def encode_texts(
    encoder: "SentenceTransformer", texts: list[str], config: EncoderConfig
) -> np.ndarray:
    """Encode each distinct text once; returns float16 [len(texts), E].

    Raises:
        ValueError: If a vector holds something that is no number, naming the text's position.
    """
    distinct = sorted(set(texts))
    rows = {text: row for row, text in enumerate(distinct)}
    width = encoder.get_embedding_dimension()
    vectors = np.empty((len(distinct), width), dtype=np.float16)
    # A few texts, as one request's, show no bar.
    with tqdm(total=len(distinct), desc="encoding", unit=" texts", delay=2, leave=None) as bar:
        for batch, made in encode_batches(encoder, distinct, config.prompt, config.batch_tokens):
            vectors[batch] = made
            bar.update(len(batch))
    picked = vectors[[rows[text] for text in texts]] if texts else vectors
    broken = np.flatnonzero(~np.isfinite(picked).all(axis=1))
    if len(broken):
        raise ValueError(f"history item row {broken[0]}: its behavior vector is not a number")
    return picked


def encode_batches(
    encoder: "SentenceTransformer", texts: list[str], prompt: str, batch_tokens: int | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Encode texts, the longest first.

    Args:
        encoder: The encoder, in evaluation mode.
        texts: The texts; of equal ones each is encoded.
        prompt: Put before every text; if empty, what the encoder's authors put there.
        batch_tokens: Most tokens of a batch, padding counted; a longer text is a batch by itself.

    Yields:
        The rows of a batch's texts [B], and their vectors of length 1 [B, E].
    """
    budget = batch_tokens or BATCH_TOKENS[encoder.device.type]
    prompt = prompt or encoder.prompts.get(encoder.default_prompt_name, "")
    order = np.argsort([-len(text) for text in texts], kind="stable")
    pieces = [order[start : start + NUM_TOKENIZED] for start in range(0, len(order), NUM_TOKENIZED)]

    def tokenize(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Features]:
        return rows, encoder.preprocess([texts[row] for row in rows], prompt=prompt or None)

    for rows, features in _make_ahead(tokenize, pieces):
        for chosen in cut_batches(features["attention_mask"].sum(dim=1), budget):
            yield rows[chosen.numpy()], _encode_batch(encoder, take_texts(features, chosen))


def _make_ahead(make: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """Yield what is made of each; in the meantime a thread makes the next one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = None
        for one in given:
            coming = pool.submit(make, one)
            if waiting:
                yield waiting.result()
            waiting = coming
        if waiting:
            yield waiting.result()


def cut_batches(lengths: torch.Tensor, budget: int) -> Iterator[torch.Tensor]:
    """Yield the rows of each batch, the longest texts first, at least one a batch.

    Args:
        lengths: Tokens of each text.
        budget: Most tokens of a batch, when all its texts are padded to the longest.

    Example:
        >>> [rows.tolist() for rows in cut_batches(torch.tensor([3, 5, 2, 9]), 8)]
        [[3], [1], [0, 2]]
    """
    order = lengths.argsort(descending=True, stable=True)
    start = 0
    while start < len(order):
        end = start + max(1, budget // int(lengths[order[start]]))
        yield order[start:end]
        start = end


def take_texts(features: Features, rows: torch.Tensor) -> Features:
    """Return the features of some texts, without the columns that are padding in all of them."""
    shape = features["attention_mask"].shape
    used = features["attention_mask"][rows].any(dim=0)
    return {
        name: value[rows][:, used] if getattr(value, "shape", None) == shape else value
        for name, value in features.items()
    }


@torch.inference_mode()
def _encode_batch(encoder: "SentenceTransformer", features: Features) -> NDArray[np.float32]:
    moved = {
        name: value.to(encoder.device) if isinstance(value, torch.Tensor) else value
        for name, value in features.items()
    }
    vectors_BE = encoder(moved)["sentence_embedding"].float()
    unit_BE: NDArray[np.float32] = torch.nn.functional.normalize(vectors_BE, dim=1).cpu().numpy()
    return unit_BE
