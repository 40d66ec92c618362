"""Every arm answers every question, through the code that also serves."""

import shutil
from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow.compute as pc
import pytest

from components.encoders.behavior_vectors import BehaviorVectors
from components.evaluation.arm_table import build_arms
from components.evaluation.arms import answer_all_arms, answer_as
from components.evaluation.config import ArmName
from components.evaluation.exam import Exam, cut_histories, shuffle_histories
from components.evaluation.predictions import PREDICTION_SCHEMA, conform_table
from components.histories.tables import write_histories
from components.llm.answering import answer_prompts, build_answer_rule
from components.llm.frozen_llm import collate_prompts, empty_soft_prompt
from components.training.train import Artifacts
from tests.components.tiny_world import LLM, TASK

CUTS = {"persona_history_0", "persona_history_2"}
EVERY_ARM = {*get_args(ArmName), *CUTS, "persona_seed_1"}


@pytest.fixture(scope="module")
def answered(exam, loud):
    return answer_all_arms(exam, loud)


def pick(answers, arm, draw=0):
    table = answers.predictions
    chosen = pc.and_(pc.equal(table["arm"], arm), pc.equal(table["draw"], draw))
    return table.filter(chosen).to_pylist()


def test_every_arm_answers_every_test_question_once_a_draw(answered, exam):
    table = answered.predictions
    assert table.schema == PREDICTION_SCHEMA
    conform_table("predictions", table)
    questions = [q for q in exam.artifacts.histories.questions if q["split"] == "test"]
    expected = [(q["question_id"], q["user_id"], q["output"]) for q in questions]
    assert set(table["arm"].to_pylist()) == EVERY_ARM
    for arm in EVERY_ARM - {"per_user_lora"}:
        for draw in range(2 if arm == "shuffled" else 1):
            rows = pick(answered, arm, draw)
            assert [(r["question_id"], r["user_id"], r["gold"]) for r in rows] == expected
            assert {row["prediction"] for row in rows} <= set(TASK.labels)
    assert set(answered.questions["question_id"].to_pylist()) == {row[0] for row in expected}


def test_one_lora_a_user_answers_all_questions_of_its_sample(answered, exam):
    rows = pick(answered, "per_user_lora")
    users = {row["user_id"] for row in rows}
    assert len(users) == exam.recipe.evaluation.per_user_lora.num_users
    theirs = [row["question_id"] for row in pick(answered, "base") if row["user_id"] in users]
    assert sorted(row["question_id"] for row in rows) == sorted(theirs)
    cost = answered.costs["per_user_lora"]
    assert cost.bytes_per_user
    assert cost.training_seconds_per_user


def test_a_lora_leaves_the_llm_as_it_was(answered, exam, artifacts, trained):
    examples = exam.examples(exam.question_rows())
    [again] = answer_as(exam, trained.arm("persona"), False, [examples])
    assert [row["prediction"] for row in pick(answered, "base")] == again


def test_base_is_the_llm_alone(answered, artifacts):
    llm = artifacts.llm.load()
    rule = build_answer_rule(llm, TASK, LLM)
    prompts = [q["payload"] for q in artifacts.histories.questions if q["split"] == "test"]
    alone = [
        answer_prompts(
            llm, empty_soft_prompt(llm, 1), collate_prompts(llm, [prompt], None, 64), rule
        )[0]
        for prompt in prompts
    ]
    assert [row["prediction"] for row in pick(answered, "base")] == alone
    assert len(set(alone)) > 2


def test_the_statistic_is_chosen_on_dev_and_said(answered):
    said = answered.notes["user_statistics"]
    assert said["chosen"] in said["scores"]
    assert said["chosen_on"] == "dev"
    assert set(said) == {"chosen", "chosen_on", "scores"}


def test_agreement_with_free_generation_is_said(answered):
    said = answered.notes["agreement_with_generation"]
    assert said["questions"] == len(answered.questions)
    assert 0 <= said["same answer"] <= 1 - said["no label"]


def test_every_arm_says_what_it_costs(answered):
    costs = answered.costs
    assert set(costs) == EVERY_ARM
    free = ("base", "instruction_only", "retrieval_bm25", "retrieval_dense", "persona")
    base, instruction, words, dense, persona = (costs[arm] for arm in free)
    assert base.bytes_per_user == instruction.bytes_per_user == 0
    assert dense.bytes_per_user == words.bytes_per_user + persona.bytes_per_user
    assert instruction.tokens_per_question == base.tokens_per_question + 1
    assert persona.tokens_per_question == base.tokens_per_question + 2
    assert words.tokens_per_question > persona.tokens_per_question
    assert all(cost.seconds_per_question > 0 for cost in costs.values())


def test_attention_says_which_items_weigh_most(answered, exam):
    table = answered.attention.to_pydict()
    questions = [q for q in exam.artifacts.histories.questions if q["split"] == "test"]
    for question, rows, weights in zip(
        questions, table["top_rows"], table["top_weights"], strict=True
    ):
        assert set(rows) <= set(question["history"][-4:])  # as many as the embedder reads
        assert weights == sorted(weights, reverse=True)
    assert all(0 <= entropy <= 1 for entropy in table["entropy"])


def test_answers_come_back_in_the_questions_order(exam, trained):
    plug_in = trained.arm("persona")
    examples = exam.examples(exam.question_rows())
    forth, back = answer_as(exam, plug_in, True, [examples, examples[::-1]])
    assert forth == back[::-1]
    assert len(set(forth)) > 2


def test_what_stands_before_the_prompt_changes_answers(answered):
    runs = [("base", 0), ("instruction_only", 0), ("persona", 0), ("shuffled", 0), ("shuffled", 1)]
    runs += [(arm, 0) for arm in CUTS]
    answers = {tuple(row["prediction"] for row in pick(answered, *run)) for run in runs}
    assert len(answers) == len(runs)


def test_less_history_is_the_newest_items(exam):
    rows = exam.question_rows()
    examples = exam.examples(rows)
    for cut in (0, 2):
        for before, after in zip(
            examples.histories, cut_histories(examples, cut).histories, strict=True
        ):
            np.testing.assert_array_equal(after, before[len(before) - cut :])


def test_shuffled_histories_are_never_the_own(exam):
    rows = exam.question_rows()
    own = exam.examples(rows)
    draws = shuffle_histories(exam, rows, own)
    assert len(draws) == 2
    for draw in draws:
        for example, shuffled in zip(own, draw, strict=True):
            assert shuffled._replace(history=None) == example._replace(history=None)
            assert len(shuffled.history) <= len(example.history)
            common = (shuffled.history[:, None] == example.history[None]).all(axis=2)
            assert not common.any(axis=1).all()  # two users may have a text in common


def test_a_split_without_questions_is_refused(exam, tmp_path):
    histories = exam.artifacts.histories
    train = histories.questions.filter(lambda row: row["split"] == "train")
    empty = write_histories(tmp_path / "tables", histories.items, train)
    artifacts = Artifacts(empty, exam.artifacts.vectors, exam.artifacts.llm)
    with pytest.raises(ValueError, match="no test questions"):
        Exam(artifacts, exam.recipe).question_rows()


def test_a_fast_back_ends_persona_is_also_asked_with_float32s_vectors(exam, tmp_path):
    """Whatever the run's vectors are, here nothing but zeros."""
    vectors = exam.artifacts.vectors
    shutil.copytree(vectors.path, tmp_path / "vectors")
    np.save(tmp_path / "vectors" / "vectors.npy", np.zeros_like(vectors.open()))
    artifacts = replace(exam.artifacts, vectors=BehaviorVectors.at(tmp_path / "vectors"))
    rows = exam.question_rows()
    arm = build_arms(exam.recipe.evaluation, exam.recipe.retrieval)["persona_float32"]
    [shown] = replace(exam, artifacts=artifacts).show(arm, rows, None)
    assert len(shown.vectors) < len(vectors.open())  # only what the questions read
    for one, other in zip(shown, exam.examples(rows), strict=True):
        np.testing.assert_allclose(one.history, other.history, atol=1e-3)
