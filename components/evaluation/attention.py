"""How persona weighs a history: what the report shows of it.

Letters: B batch, H history items.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from components.encoders.behavior_vectors import find_device
from components.encoders.sentence_encoder import load_tokenizer
from components.evaluation.exam import Exam
from components.evaluation.predictions import ATTENTION_SCHEMA
from components.user_embedder.collator import collate_inputs
from components.user_embedder.embedder_folder import EmbedderFolder

NUM_TOP_ITEMS = 3
BATCH_SIZE = 64


@torch.inference_mode()
def weigh_histories(exam: Exam, plug_in: EmbedderFolder, rows: Sequence[int]) -> pa.Table:
    """Return the weights' spread and the items that weigh most, columns of ATTENTION_SCHEMA.

    Args:
        exam: The questions.
        plug_in: An embedder with attention.
        rows: Which questions.
    """
    examples = exam.examples(rows)
    card, device = plug_in.card(), find_device()
    embedder, tokenizer = plug_in.load(device), load_tokenizer(card.encoder)
    columns: dict[str, list[object]] = {name: [] for name in ATTENTION_SCHEMA.names[1:]}
    for start in range(0, len(examples), BATCH_SIZE):
        batch = collate_inputs(tokenizer, card, examples[start : start + BATCH_SIZE])
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        persona = embedder.embed_user(batch)
        columns["entropy"] += relative_entropy(persona.weights_BH, batch["history_mask"]).tolist()
        columns["null_weight"] += persona.null_weight_B.tolist()
        for row, weights_H in enumerate(persona.weights_BH.cpu().numpy()):
            items = examples.histories[start + row][-card.embedder.max_history_items :]
            top = np.argsort(-weights_H[: len(items)], kind="stable")[:NUM_TOP_ITEMS]
            columns["top_rows"].append(items[top])
            columns["top_weights"].append(weights_H[top])
    ids = list(exam.artifacts.histories.questions.select(rows)["question_id"])
    return pa.table({"question_id": ids, **columns}, schema=ATTENTION_SCHEMA)


def relative_entropy(weights_BH: Tensor, mask_BH: Tensor) -> Tensor:
    """Return the entropy of the items' weights by the logarithm of their number, float [B].

    0 is all weight on one item, 1 is uniform; NaN for fewer than two items.

    Example:
        >>> relative_entropy(torch.tensor([[0.2, 0.2, 0.0]]), torch.tensor([[1, 1, 0]]))
        tensor([1.])
    """
    shares_BH = weights_BH / weights_BH.sum(dim=1, keepdim=True)
    entropy_B = torch.special.entr(shares_BH).sum(dim=1)
    counts_B = mask_BH.sum(dim=1)
    relative_B = (entropy_B / counts_B.float().log()).clamp(0.0, 1.0)
    return relative_B.masked_fill(counts_B < 2, float("nan"))
