"""How likely a frozen LLM finds each label of a task.

Labels are scored by the sum of their tokens' log-probabilities, end token included. That is what
generation constrained to the labels maximizes, without a search. Labels that begin alike share
their first tokens' passes: the labels are a tree, read level by level from the LLM's cache.

Letters: B batch, L labels, V vocabulary, N nodes of a level of the tree, R rows that are read.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from components.llm.frozen_llm import FrozenLLM, SoftPrompt, splice

Node = tuple[int, ...]
"""A beginning of labels, as token ids."""


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
    only_best: bool = False,
) -> Tensor:
    """Return the sums of the labels' tokens' log-probabilities, end token included, float32 [B, L].

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids` and `llm_attention_mask` from `collate_prompts`.
        label_ids: The labels' token ids, each closed by the end token.
        only_best: Whether the likeliest label is enough: others may be -inf. A sum only falls, so
            what begins worse than a whole label need not be read on. Exact, and several times
            faster where labels are many: most prompts need the likeliest path alone.
    """
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    reader = _Reader(llm, spliced)
    if not only_best:
        return _read_tree(reader, label_ids, torch.ones_like)[0]
    scores_BL, bounds_BL = _read_tree(reader.copy(), label_ids, _keep_best)
    best_B1, place_B1 = scores_BL.max(dim=1, keepdim=True)
    others_BL = bounds_BL.scatter(1, place_B1, float("-inf"))
    open_R = (others_BL >= best_B1).any(dim=1).nonzero()[:, 0]
    if len(open_R):
        reader.choose(open_R)
        best_R1 = best_B1[open_R]
        scores_BL[open_R], _ = _read_tree(reader, label_ids, lambda scores: scores >= best_R1)
    return scores_BL


def _keep_best(scores_BN: Tensor) -> Tensor:
    best_B1 = scores_BN.argmax(dim=1, keepdim=True)
    return torch.zeros_like(scores_BN).scatter(1, best_B1, 1.0)


def _read_tree(
    reader: "_Reader", label_ids: Sequence[Node], keep: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Read what is kept of the tree.

    Args:
        reader: Has read the prompts.
        label_ids: The labels.
        keep: From the scores of a level's nodes [B, N] to which of them are read on.

    Returns:
        The labels' scores [B, L], -inf for those behind a node that was not kept; and what no
        label's score exceeds: its sum up to the last token that was read of it.
    """
    log_probs_RV = reader.root_log_probs
    scores_BL = log_probs_RV.new_zeros(len(log_probs_RV), len(label_ids))
    bounds_BL = scores_BL.clone()
    alive_BN = torch.ones_like(scores_BL[:, :1], dtype=torch.bool)
    levels = grow_tree(label_ids)
    for depth, level in enumerate(levels):
        row_of_BN = alive_BN.flatten().cumsum(0).view_as(alive_BN) - 1
        place = {node: index for index, node in enumerate(level.nodes)}
        for column, label in enumerate(label_ids):
            if depth < len(label):
                node = place[label[:depth]]
                said_B = log_probs_RV[row_of_BN[:, node].clamp(min=0), label[depth]]
                said_B = said_B.masked_fill(~alive_BN[:, node], float("-inf"))
                scores_BL[:, column] += said_B
                bounds_BL[:, column] = torch.where(
                    alive_BN[:, node], scores_BL[:, column], bounds_BL[:, column]
                )
        if level is levels[-1]:
            break
        below = levels[depth + 1]
        of_node = [_find_label(label_ids, node) for node in below.nodes]
        scores_BN = scores_BL[:, of_node]
        kept_BN = keep(scores_BN).bool() & scores_BN.isfinite()
        if not kept_BN.any():
            blocked = [column for column, label in enumerate(label_ids) if len(label) > depth + 1]
            scores_BL[:, blocked] = float("-inf")
            break
        prompts_R, nodes_R = kept_BN.nonzero(as_tuple=True)
        parents_N = torch.tensor(below.parents, device=kept_BN.device)
        tokens_N = torch.tensor([node[-1] for node in below.nodes], device=kept_BN.device)
        log_probs_RV = reader.read(row_of_BN[prompts_R, parents_N[nodes_R]], tokens_N[nodes_R])
        alive_BN = kept_BN
    return scores_BL, bounds_BL


def _find_label(label_ids: Sequence[Node], node: Node) -> int:
    """Return a label that begins with the node: its sum so far is the node's."""
    return next(i for i, label in enumerate(label_ids) if label[: len(node)] == node)


class _Reader:
    """Reads the tree level by level: a level's rows (R) continue chosen ones of the one above."""

    def __init__(self, llm: FrozenLLM, spliced: dict[str, Tensor]) -> None:
        self._llm = llm
        self._mask_RT = spliced["attention_mask"]
        self._encoded: Tensor | None = None
        self._cache: Any = None
        if llm.is_encoder_decoder:
            self._encoded = llm.model.get_encoder()(**spliced).last_hidden_state
            start = llm.model.config.decoder_start_token_id
            ids = torch.full((len(self._mask_RT), 1), start, device=self._mask_RT.device)
            self.root_log_probs = self._remember(self._decode(ids))
        else:
            self.root_log_probs = self._remember(
                llm.model(**spliced, use_cache=True, logits_to_keep=1)
            )

    def copy(self) -> "_Reader":
        """Return one that stands at the same place and moves by itself."""
        twin = copy.copy(self)
        twin._cache = copy.deepcopy(self._cache)
        return twin

    def choose(self, rows_R: Tensor) -> None:
        """Go on with these prompts alone; before anything is read."""
        self.root_log_probs = self.root_log_probs[rows_R]
        self._take(rows_R)

    def _take(self, rows_R: Tensor) -> None:
        self._cache.reorder_cache(rows_R)
        self._mask_RT = self._mask_RT[rows_R]
        if self._encoded is not None:
            self._encoded = self._encoded[rows_R]

    def read(self, rows_R: Tensor, tokens_R: Tensor) -> Tensor:
        """Continue rows of the level above by a token each; returns log-probabilities [R, V]."""
        ids = tokens_R[:, None]
        self._take(rows_R)
        if self._encoded is not None:
            return self._remember(self._decode(ids))
        positions = self._mask_RT.sum(dim=1, keepdim=True).long()
        self._mask_RT = torch.cat([self._mask_RT, torch.ones_like(ids)], dim=1)
        return self._remember(
            self._llm.model(
                input_ids=ids,
                attention_mask=self._mask_RT,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
            )
        )

    def _decode(self, ids: Tensor) -> Any:
        return self._llm.model(
            encoder_outputs=(self._encoded,),
            attention_mask=self._mask_RT,
            decoder_input_ids=ids,
            past_key_values=self._cache,
            use_cache=True,
        )

    def _remember(self, output: Any) -> Tensor:
        self._cache = output.past_key_values
        return output.logits[:, -1].float().log_softmax(dim=-1)
