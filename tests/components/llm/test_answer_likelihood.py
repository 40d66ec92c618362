"""Log-probabilities of given answers."""

import pytest
import torch

from components.llm.answer_likelihood import score_answers
from components.llm.frozen_llm import answer_loss, collate_prompts
from tests.components.tiny_models import make_llm


@pytest.mark.parametrize("kind", ["t5", "warm_start", "llama"])
def test_they_are_the_loss_times_the_tokens_whatever_the_batch(kind, encoder_folder):
    llm = make_llm(kind, encoder_folder)
    prompts, answers = ["a book", "a long story of a crew"], ["action", "no"]
    together = score_answers(llm, None, collate_prompts(llm, prompts, answers, 64))
    for row in range(2):
        batch = collate_prompts(llm, [prompts[row]], [answers[row]], 64)
        num_tokens = batch["labels"].numel()  # alone, nothing is padded
        with torch.inference_mode():
            loss = answer_loss(llm, None, batch)
        assert float(together[row]) == pytest.approx(-float(loss) * num_tokens, rel=1e-5)
