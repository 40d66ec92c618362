"""A registered model is asked by its own settings, if this code can read them."""

import json
from pathlib import Path

import pytest

from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.incumbent_exam import IncomparableError
from components.llm.config import LLMConfig
from components.retrieval.config import RetrievalConfig
from components.serving.persona_model import ServingSpec
from components.tasks.lamp import LAMP_2
from steps.evaluate_incumbents import answer_by_own_settings


def test_settings_of_another_version_of_the_code_are_named(tmp_path: Path) -> None:
    ServingSpec(task=LAMP_2, llm=LLMConfig(), llm_hash="llm", plug_in_hash="old").write(tmp_path)
    path = tmp_path / "serving.json"
    spec = json.loads(path.read_text())
    spec["llm"]["num_wings"] = 2
    path.write_text(json.dumps(spec))
    recipe = ExamRecipe(
        task=LAMP_2,
        encoder=EncoderConfig(),
        llm=LLMConfig(),
        retrieval=RetrievalConfig(),
        evaluation=EvaluationConfig(),
        seed=0,
    )
    with pytest.raises(IncomparableError, match=r"version of the code \(llm\.num_wings: "):
        answer_by_own_settings(Exam(None, recipe), tmp_path, tmp_path, [])  # type: ignore[arg-type]
