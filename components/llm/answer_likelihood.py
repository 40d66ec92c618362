"""How likely given answers are.

Letters: B batch, A answer tokens, V vocabulary.
"""

import torch
from torch import Tensor, nn

from components.llm.frozen_llm import IGNORE_INDEX, FrozenLLM, SoftPrompt, splice


@torch.inference_mode()
def score_answers(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor]
) -> Tensor:
    """Return the log-probability of each given answer's tokens, its end included, float32 [B].

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids`, `llm_attention_mask` and `labels` from `collate_prompts`.
    """
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    labels_BA = batch["labels"]
    if llm.is_encoder_decoder:
        read_BA = llm.model.prepare_decoder_input_ids_from_labels(labels_BA)
        said = llm.model(**spliced, decoder_input_ids=read_BA, use_cache=False)
        logits_BAV = said.logits
    else:
        num_said = labels_BA.shape[1] + 1
        said = llm.model(**spliced, use_cache=False, logits_to_keep=num_said)
        logits_BAV = said.logits[:, -num_said:-1]
    losses_N = nn.functional.cross_entropy(
        logits_BAV.flatten(0, 1).float(),
        labels_BA.flatten(),
        ignore_index=IGNORE_INDEX,
        reduction="none",
    )
    return -losses_N.view(labels_BA.shape).sum(dim=1)
