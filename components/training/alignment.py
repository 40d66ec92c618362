"""Align the projector with the LLM's own words, before the LLM is in the loop.

A persona is first made to say what the user's outputs say: each behavior vector is projected onto
the mean token embedding of that item's output, mixed with those of the answers that go with it
(`components.training.companions`). No LLM forward pass is needed, and the training that follows
starts where the LLM already listens. (The paper trains from scratch; multimodal LLMs align their
projectors first.)
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from components.llm.frozen_llm import FrozenLLM
from components.training.config import AlignmentConfig
from components.user_embedder.user_embedder import UserEmbedder


def embed_words(llm: FrozenLLM, texts: list[str]) -> Tensor:
    """Return the mean of each text's token embeddings, float32 [len(texts), D]."""
    ids = llm.tokenizer(texts, add_special_tokens=False)["input_ids"]
    nothing = torch.zeros(llm.embedding_dim, device=llm.model.device)
    return torch.stack(
        [
            llm.embed(torch.tensor(row, device=nothing.device)).detach().float().mean(dim=0)
            if row
            else nothing
            for row in ids
        ]
    )


def mix_words(
    llm: FrozenLLM, outputs: list[str], companions: Mapping[str, Mapping[str, float]], share: float
) -> Tensor:
    """Mix the words of each output with those of its companions.

    Args:
        llm: Whose words.
        outputs: The items' outputs.
        companions: Of an output, the answers that go with it, with weights that sum to one; an
            output without any says itself alone.
        share: Share of the companions in what is said.

    Returns:
        What an item of each output is to say, float32 [len(outputs), D].
    """
    own_MD = embed_words(llm, outputs)
    theirs_MD = own_MD.clone()
    for row, output in enumerate(outputs):
        if weights := companions.get(output):
            words = embed_words(llm, list(weights))
            theirs_MD[row] = words.new_tensor(list(weights.values())) @ words
    return own_MD.lerp(theirs_MD, share)


def align_projector(
    embedder: UserEmbedder,
    llm: FrozenLLM,
    items: Sequence[tuple[str, np.ndarray]],
    companions: Mapping[str, Mapping[str, float]],
    config: AlignmentConfig,
    seed: int,
) -> float:
    """Fit the projector to say every item's output, and what goes with it.

    Args:
        embedder: Its projector is fitted in place.
        llm: Whose words.
        items: Outputs and behavior vectors, float16 [E], of the items to learn from.
        companions: As `mix_words` takes them.
        config: How long and how fast.
        seed: Seeds the order of items.

    Returns:
        The last step's squared error by the words' variance: 1 is no better than a constant.
    """
    distinct = {text: index for index, text in enumerate(sorted({text for text, _ in items}))}
    said_MD = mix_words(llm, list(distinct), companions, config.companion_share)
    words_MD = said_MD.cpu() / embedder.scale
    chosen_N = torch.tensor([distinct[text] for text, _ in items])
    vectors_NE = torch.from_numpy(np.stack([vector for _, vector in items]).astype(np.float32))
    inputs_NE = vectors_NE - embedder.aggregator.center
    optimizer = torch.optim.AdamW(embedder.projector.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, config.num_steps)
    generator = torch.Generator().manual_seed(seed)
    alone = torch.ones(config.batch_size, 1)
    for _ in range(config.num_steps):
        batch = torch.randint(len(items), (config.batch_size,), generator=generator)
        said = embedder.projector(inputs_NE[batch, None], alone)
        meant = words_MD[chosen_N[batch], None].expand_as(said)
        loss = nn.functional.mse_loss(said, meant)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return float(loss.detach() / words_MD[chosen_N].var(dim=0).mean().clamp(min=1e-12))
