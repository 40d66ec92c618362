"""What is asked of a registered artifact."""

import pytest

from components.promotion.artifact_rules import judge_latency, judge_reproduction, judge_size
from components.promotion.config import Latency, ReproducesPredictions, Size
from tests.components.promotion.cases import SOUND


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, "passed", "it gives 50 of 50 answers of the evaluation, 100.0%; at least 98.0% are"),
        ({"num_equal": 49}, "passed", "49 of 50 answers of the evaluation, 98.0%"),
        ({"num_equal": 48}, "failed", "48 of 50 answers of the evaluation, 96.0%"),
        ({"foreign_modules": ["zenml", "sklearn"]}, "failed", "does not have: zenml, sklearn."),
        (
            {"loaded": False, "problem": "plug_in/user_embedder.safetensors was changed"},
            "failed",
            "cannot be used: plug_in/user_embedder.safetensors was changed.",
        ),
        ({"num_questions": 0, "num_equal": 0}, "not_evaluated", "it was not asked anything"),
    ],
)
def test_it_has_to_answer_alone_as_was_evaluated(changes, status, said):
    reason = judge_reproduction(ReproducesPredictions(), SOUND.model_copy(update=changes))
    assert (reason.status, reason.blocks) == (status, status != "passed")
    assert said in reason.sentence


@pytest.mark.parametrize(
    ("seconds", "status"), [(0.2, "passed"), (0.21, "failed"), (None, "not_evaluated")]
)
def test_the_slow_end_of_its_seconds_has_a_budget(seconds, status):
    check = SOUND.model_copy(update={"p95_seconds": seconds})
    assert judge_latency(Latency(max_p95_seconds=0.2), check).status == status


@pytest.mark.parametrize(
    ("size", "status"), [(2**21, "passed"), (2**21 + 1, "failed"), (0, "not_evaluated")]
)
def test_its_bytes_have_a_budget(size, status):
    reason = judge_size(Size(max_bytes=2**21), SOUND.model_copy(update={"size_bytes": size}))
    assert reason.status == status
