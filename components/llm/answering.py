"""How a frozen LLM answers: the likeliest label of a task, or what it generates freely.

Labels are scored by the sum of their tokens' log-probabilities, end token included. That is what
generation constrained to the labels maximizes, without a search. Labels that begin alike share
their first tokens' passes: the labels are a tree, read level by level from the LLM's cache.

Letters: B batch, L labels, V vocabulary, N nodes of a level of the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM, SoftPrompt, splice, tokenize_answers
from components.tasks.task import Task

Node = tuple[int, ...]
"""A beginning of labels, as token ids."""


@dataclass(frozen=True)
class AnswerRule:
    """How answers are found; the same for all arms and for serving."""

    labels: tuple[str, ...]
    """The only answers there are; none for free text."""
    label_ids: tuple[Node, ...]
    """The labels' token ids, end token included."""
    is_scored: bool
    """Whether labels are scored, and not generated freely."""
    is_median: bool
    """Whether the median of the labels' distribution is answered, and not its mode."""
    max_new_tokens: int
    num_beams: int
    spelling: dict[str, str]
    """Decoded label to label: a tokenizer may decode "sci-fi" as "sci - fi"."""


def build_answer_rule(llm: FrozenLLM, task: Task, config: LLMConfig) -> AnswerRule:
    """Build the rule for a task.

    Raises:
        ValueError: If the tokenizer cannot tell two labels apart.
    """
    ids: tuple[Node, ...] = ()
    decoded: list[str] = []
    if task.labels:
        ids = tuple(tuple(label) for label in tokenize_answers(llm, list(task.labels)))
        decoded = llm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    spelling: dict[str, str] = {}
    for text, label in zip(decoded, task.labels, strict=True):
        if spelling.setdefault(text.strip(), label) != label:
            raise ValueError(
                f"the LLM's tokenizer cannot tell the labels {spelling[text.strip()]!r} and "
                f"{label!r} apart"
            )
    is_scored = bool(task.labels) and config.answers == "label_scores"
    return AnswerRule(
        labels=task.labels,
        label_ids=ids,
        is_scored=is_scored,
        is_median=is_scored and task.kind == "ordinal" and config.ordinal_answer == "median",
        max_new_tokens=max(config.max_new_tokens, *map(len, ids), 1),
        num_beams=config.num_beams,
        spelling=spelling,
    )


@torch.inference_mode()
def answer_prompts(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor], rule: AnswerRule
) -> list[str]:
    """Answer each prompt of the batch; returns B texts.

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids` and `llm_attention_mask` from `collate_prompts`.
        rule: How.
    """
    if not rule.is_scored:
        return generate_answers(llm, soft_prompt, batch, rule)
    picked = pick_labels(score_labels(llm, soft_prompt, batch, rule.label_ids), rule.is_median)
    return [rule.labels[index] for index in picked.tolist()]


def pick_labels(scores_BL: Tensor, is_median: bool) -> Tensor:
    """Return the answers' positions among the labels, int64 [B].

    The median is the first label at which half of the probability is reached: of all answers it has
    the least expected absolute error.

    Example:
        >>> pick_labels(torch.tensor([[0.4, 0.2, 0.4]]).log(), True)
        tensor([1])
    """
    if not is_median:
        return scores_BL.argmax(dim=1)
    reached_BL = scores_BL.softmax(dim=1).cumsum(dim=1) >= 0.5 - 1e-6
    return reached_BL.long().argmax(dim=1)


class Level(NamedTuple):
    """Nodes of one depth of the labels' tree, in the order of the batch's rows."""

    nodes: list[Node]
    parents: list[int]
    """Each node's place in the level above."""


def grow_tree(label_ids: Sequence[Node]) -> list[Level]:
    """Return the levels of the tree of all labels, the root's first, without the last tokens.

    Example:
        >>> [level.nodes for level in grow_tree([(5, 1), (5, 6, 1), (7, 1)])]
        [[()], [(5,), (7,)], [(5, 6)]]
    """
    levels = [Level([()], [0])]
    for depth in range(1, max(map(len, label_ids))):
        nodes = sorted({label[:depth] for label in label_ids if len(label) > depth})
        above = {node: place for place, node in enumerate(levels[-1].nodes)}
        levels.append(Level(nodes, [above[node[:-1]] for node in nodes]))
    return levels


def score_labels(
    llm: FrozenLLM,
    soft_prompt: SoftPrompt | None,
    batch: dict[str, Tensor],
    label_ids: Sequence[Node],
) -> Tensor:
    """Return the sums of the labels' tokens' log-probabilities, end token included, float32 [B, L].

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids` and `llm_attention_mask` from `collate_prompts`.
        label_ids: The labels' token ids, each closed by the end token.
    """
    reader = _Reader(
        llm, splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    )
    num_prompts = len(batch["llm_input_ids"])
    scores_BL = torch.zeros(num_prompts, len(label_ids), device=reader.device)
    for depth, level in enumerate(grow_tree(label_ids)):
        log_probs_BNV = reader.read(level, depth).unflatten(0, (num_prompts, len(level.nodes)))
        place = {node: index for index, node in enumerate(level.nodes)}
        for column, label in enumerate(label_ids):
            if depth < len(label):
                scores_BL[:, column] += log_probs_BNV[:, place[label[:depth]], label[depth]]
    return scores_BL


class _Reader:
    """Reads the tree level by level: a level's rows continue those of the one above."""

    def __init__(self, llm: FrozenLLM, spliced: dict[str, Tensor]) -> None:
        self._llm = llm
        self._mask_BT = spliced["attention_mask"]
        self._spliced = spliced
        self._encoded: Tensor | None = None
        if llm.is_encoder_decoder:
            self._encoded = llm.model.get_encoder()(**spliced).last_hidden_state
        self._cache: Any = None
        self._width = 1
        self.device = spliced["inputs_embeds"].device

    def read(self, level: Level, depth: int) -> Tensor:
        """Return each row's log-probabilities of the next token, float32 [B*N, V]."""
        output = self._read_root() if depth == 0 else self._read_level(level)
        self._cache = output.past_key_values
        return output.logits[:, -1].float().log_softmax(dim=-1)

    def _read_root(self) -> Any:
        if self._encoded is None:
            return self._llm.model(**self._spliced, use_cache=True)
        start = self._llm.model.config.decoder_start_token_id
        ids = torch.full((len(self._encoded), 1), start, device=self.device)
        return self._decode(ids)

    def _read_level(self, level: Level) -> Any:
        parents_N = torch.tensor(level.parents, device=self.device)
        starts_B = torch.arange(0, len(self._mask_BT), self._width, device=self.device)
        rows = (starts_B[:, None] + parents_N).flatten()
        self._width = len(level.nodes)
        self._cache.reorder_cache(rows)
        self._mask_BT = self._mask_BT[rows]
        ids_N = torch.tensor([node[-1] for node in level.nodes], device=self.device)
        ids = ids_N.repeat(len(starts_B))[:, None]
        if self._encoded is not None:
            self._encoded = self._encoded[rows]
            return self._decode(ids)
        positions = self._mask_BT.sum(dim=1, keepdim=True).long()
        self._mask_BT = torch.cat([self._mask_BT, torch.ones_like(ids)], dim=1)
        return self._llm.model(
            input_ids=ids,
            attention_mask=self._mask_BT,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
        )

    def _decode(self, ids: Tensor) -> Any:
        return self._llm.model(
            encoder_outputs=(self._encoded,),
            attention_mask=self._mask_BT,
            decoder_input_ids=ids,
            past_key_values=self._cache,
            use_cache=True,
        )


@torch.inference_mode()
def generate_answers(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor], rule: AnswerRule
) -> list[str]:
    """Generate each prompt's answer freely; returns B stripped texts, labels as the task spells."""
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    options: dict[str, Any] = {
        "max_new_tokens": rule.max_new_tokens,
        "num_beams": rule.num_beams,
        "do_sample": False,
        "pad_token_id": llm.tokenizer.pad_token_id,
    }
    if llm.is_encoder_decoder:
        options["encoder_outputs"] = llm.model.get_encoder()(**spliced)
        ids = llm.model.generate(attention_mask=spliced["attention_mask"], **options)
    else:
        del spliced["position_ids"]
        ids = llm.model.generate(**spliced, **options)
    texts = llm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return [rule.spelling.get(text.strip(), text.strip()) for text in texts]
