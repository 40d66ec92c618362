"""What the steps are given: it decides what is taken from the cache."""

import shutil
from pathlib import Path
from typing import Any

from components.encoders.config import EncoderConfig
from components.llm.config import LLMConfig
from components.personas.config import PersonaStoreConfig
from pipelines.deploy_persona import deploy_persona
from pipelines.train_persona import train_persona
from tests.components.tiny_models import make_t5, write_sentence_encoder


def wire(encoder: Path, llm: Path) -> dict[str, dict[str, Any]]:
    """Return the parameters of each step, without running any."""
    pipeline = train_persona.copy()
    pipeline.prepare(encoder=EncoderConfig(name=str(encoder)), llm=LLMConfig(name=str(llm)))
    return {name: step.parameters for name, step in pipeline.invocations.items()}


def test_an_overwritten_folder_is_another_parameter(tmp_path: Path) -> None:
    """By the path alone, yesterday's vectors would come from the cache."""
    encoder, llm = write_sentence_encoder(tmp_path / "encoder"), tmp_path / "llm"
    make_t5().model.save_pretrained(llm)
    first = wire(encoder, llm)
    assert wire(encoder, llm) == first

    shutil.rmtree(encoder)
    write_sentence_encoder(encoder, seed=1)
    second = wire(encoder, llm)
    changed = {name for name in first if first[name] != second[name]}
    examined = {"evaluate_user_embedder", "evaluate_incumbents", "check_artifact"}
    examined |= {"check_promotion", "fill_persona_store"}
    encoding = {"encode_histories", "check_inversion", "prepare_llm", "train_user_embedder"}
    assert changed == encoding | examined

    make_t5(seed=1).model.save_pretrained(llm)
    changed = {name for name, step in wire(encoder, llm).items() if step != second[name]}
    assert {"prepare_llm", "train_user_embedder"} <= changed
    assert "encode_histories" not in changed


def test_a_fast_back_end_is_asked_and_judged_beside_float32(tmp_path: Path) -> None:
    folder = str(write_sentence_encoder(tmp_path / "encoder"))
    found = {}
    for precision in ("float32", "bfloat16"):
        pipeline = train_persona.copy()
        pipeline.prepare(encoder=EncoderConfig(name=folder, precision=precision))
        exam = pipeline.invocations["evaluate_user_embedder"].parameters["recipe"]
        rules = pipeline.invocations["check_promotion"].parameters["promotion"].rules
        found[precision] = (
            "persona_float32" in exam.evaluation.arms,
            "not_worse_than_persona_float32" in {rule.title for rule in rules},
        )
    assert found == {"float32": (False, False), "bfloat16": (True, True)}


def test_what_is_deployed_serves_the_personas_of_the_run(tmp_path: Path) -> None:
    personas = PersonaStoreConfig(place=str(tmp_path / "personas"), tenant="acme")
    pipeline = train_persona.copy()
    encoder, llm = write_sentence_encoder(tmp_path / "encoder"), tmp_path / "llm"
    make_t5().model.save_pretrained(llm)
    models = {"encoder": EncoderConfig(name=str(encoder)), "llm": LLMConfig(name=str(llm))}
    pipeline.prepare(**models, personas=personas)
    assert pipeline.invocations["deploy_gateway"].parameters["personas"] == personas
    pipeline = deploy_persona.copy()
    pipeline.prepare(personas=personas)
    assert pipeline.invocations["deploy_gateway"].parameters["personas"] == personas
