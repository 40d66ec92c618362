"""The costly way: one LoRA a user, trained on her history alone (method section 3).

A user's adapter learns from the history of her first evaluated question, so that it has seen none
of the evaluated answers.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from tqdm import tqdm

from components.encoders.behavior_vectors import find_device
from components.evaluation.config import PerUserLoraConfig
from components.evaluation.evaluation import Cost
from components.evaluation.exam import Exam
from components.llm.answering import answer_prompts, build_answer_rule
from components.llm.frozen_llm import (
    FrozenLLM,
    answer_loss,
    collate_prompts,
    empty_soft_prompt,
)
from components.optimization.config import FitConfig
from components.optimization.fit import FitInputs, fit

logger = logging.getLogger(__name__)

TARGETS = ("q", "v", "query", "value", "q_proj", "v_proj")
"""Names of the attention's query and value projections in T5, BERT and Llama."""
BATCH_SIZE = 64

Pair = tuple[str, str]
"""A prompt and its answer."""


@dataclass(frozen=True)
class SampleAnswers:
    """The answers to the questions of a sample of users."""

    rows: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)
    obstacle: str | None = None
    """Why nobody could answer."""


@dataclass(frozen=True)
class Pairs(Dataset[Pair]):
    """A user's history as something to learn from."""

    pairs: list[Pair]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        return self.pairs[index]


class _TunedLLM(nn.Module):
    """The LLM with an adapter, as something to fit; it reads no soft prompt, as `base`."""

    def __init__(self, llm: FrozenLLM, adapted: nn.Module) -> None:
        super().__init__()
        self.llm, self.adapted = llm, adapted

    def forward(self, **batch: Tensor) -> dict[str, Any]:
        prompt = empty_soft_prompt(self.llm, len(batch["llm_input_ids"]))
        return {"loss": answer_loss(self.llm, prompt, batch)}


def answer_per_user(exam: Exam) -> SampleAnswers:
    """Train and ask one adapter for each user of a seeded sample of those with a history."""
    settings, histories = exam.recipe.evaluation.per_user_lora, exam.artifacts.histories
    if exam.recipe.task.output_field is None:
        return SampleAnswers(obstacle="not run: the history's items have no output to learn from")
    by_user = group_by_user(exam)
    users = sorted(user for user, (_, items) in by_user.items() if items)
    if not users:
        return SampleAnswers(obstacle="not run: no user has a history before her first question")
    rng = np.random.default_rng(exam.recipe.seed)
    size = min(settings.num_users, len(users))
    sample = sorted(rng.choice(users, size=size, replace=False).tolist())
    config = exam.recipe.llm
    llm = exam.artifacts.llm.load(config, find_device())
    rows: list[int] = []
    answers: list[str] = []
    training, answering, num_bytes = 0.0, 0.0, 0
    for user in tqdm(sample, desc="one LoRA a user", unit=" users"):
        questions, items = by_user[user]
        started = time.perf_counter()
        adapted = _adapt(llm, settings)
        num_bytes = _count_bytes(adapted)
        _train(llm, adapted, exam, read_pairs(exam, items))
        training += time.perf_counter() - started
        started = time.perf_counter()
        rows += questions
        answers += _answer(llm, exam, list(histories.questions.select(questions)[config.reads]))
        answering += time.perf_counter() - started
        adapted.unload()
    cost = Cost(
        seconds_per_question=answering / len(rows),
        bytes_per_user=num_bytes,
        training_seconds_per_user=training / len(sample),
    )
    return SampleAnswers(rows, answers, cost)


def group_by_user(exam: Exam) -> dict[str, tuple[list[int], Sequence[int]]]:
    """Return each evaluated user's questions, and the history of the earliest one (rows)."""
    rows = exam.question_rows()
    chosen = exam.artifacts.histories.questions.select(rows)
    found: dict[str, tuple[list[int], Sequence[int]]] = {}
    for row, user, history in zip(rows, chosen["user_id"], chosen["history"], strict=True):
        questions, shortest = found.get(user, ([], history))
        found[user] = ([*questions, row], min(shortest, history, key=len))
    return found


def read_pairs(exam: Exam, items: Sequence[int]) -> Pairs:
    """Return history items as the questions that they once were, with their answers."""
    chosen = exam.artifacts.histories.items.select(items)
    task, reads = exam.recipe.task, exam.recipe.llm.reads
    pairs = [
        (task.render_prompt(text) if reads == "input" else text, output)
        for text, output in zip(chosen["input"], chosen["output"], strict=True)
        if output is not None
    ]
    return Pairs(pairs)


def _adapt(llm: FrozenLLM, settings: PerUserLoraConfig) -> Any:
    # Imported here: only runs with this arm need it.
    from peft import LoraConfig, get_peft_model

    names = {name.rpartition(".")[2] for name, _ in llm.model.named_modules()}
    targets = sorted(names & set(TARGETS)) or "all-linear"
    torch.manual_seed(0)
    return get_peft_model(
        llm.model,
        LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=targets),
    )


def _count_bytes(adapted: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in adapted.parameters() if p.requires_grad)


def _train(llm: FrozenLLM, adapted: nn.Module, exam: Exam, pairs: Pairs) -> None:
    settings, limit = exam.recipe.evaluation.per_user_lora, exam.recipe.llm.max_input_length
    recipe = FitConfig(
        num_epochs=settings.num_epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        encoder_learning_rate=0.0,
    )

    def collate(batch: Sequence[Pair]) -> dict[str, Tensor]:
        prompts, answers = (list(column) for column in zip(*batch, strict=True))
        return collate_prompts(llm, prompts, answers, limit)

    fit(_TunedLLM(llm, adapted), FitInputs(pairs, None, collate), recipe, exam.recipe.seed)
    llm.model.eval()


def _answer(llm: FrozenLLM, exam: Exam, prompts: list[str]) -> list[str]:
    config = exam.recipe.llm
    rule = build_answer_rule(llm, exam.recipe.task, config)
    answers: list[str] = []
    for start in range(0, len(prompts), BATCH_SIZE):
        part = prompts[start : start + BATCH_SIZE]
        batch = collate_prompts(llm, part, None, config.max_input_length)
        batch = {name: tensor.to(llm.model.device) for name, tensor in batch.items()}
        answers += answer_prompts(llm, empty_soft_prompt(llm, len(part)), batch, rule)
    return answers
