"""A registered artifact is asked by itself: it answers as was evaluated, or the reason is said."""

import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.evaluation.arms import answer_as, tabulate_predictions
from components.serving import fresh_process
from components.serving.fresh_process import (
    BrokenArtifactError,
    ask_fresh_process,
    check_parts,
    read_error,
)
from components.serving.persona_model import ServingRecipe
from components.serving.reproduce import Reproduction
from components.serving.sampling import sample_requests
from tests.components.tiny_world import LLM, TASK

SCORES = tuple("".join(digits) for digits in product("123", repeat=4))
"""So many that none of them holds half of the probability: then median and mode are not one."""
ORDINAL = TASK.model_copy(update={"kind": "ordinal", "labels": SCORES})
FREE = {"answers": "generation", "reads": "input"}
BREAKS = "one\u2028two\u0085three\x0bfour\r\nfive"
"""Line breaks to Python, which a user's text may hold."""


def ask_all(exam, trained):
    """Return all evaluated questions, and what persona answers to them."""
    rows = exam.question_rows()
    answers = answer_as(exam, trained.arm("persona"), True, [exam.examples(rows)])
    table = tabulate_predictions(exam, rows, {"persona": answers})
    return sample_requests(exam.artifacts.histories, table, 64, 0)


@pytest.fixture(scope="module")
def asked(exam, trained):
    return ask_all(exam, trained)


@pytest.fixture
def check(asked, artifacts, tmp_path):
    def run(parts, artifact_hash, download=None, asked=asked):
        (tmp_path / "scratch").mkdir()
        fetch = download or (lambda uri, directory: artifacts.llm.path)
        return check_parts(parts, artifact_hash, fetch, *asked, tmp_path / "scratch")

    return run


def test_an_intact_artifact_reproduces_the_evaluation(
    check, registered, asked, tmp_path, monkeypatch
):
    """With the artifact's own code, wherever it is asked; and it imports no more than it needs."""
    (tmp_path / "elsewhere" / "components").mkdir(parents=True)
    (tmp_path / "elsewhere" / "components" / "__init__.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    done = check(*registered)
    assert (done.loaded, done.problem) == (True, None)
    assert done.num_questions == done.num_equal == len(asked[0]) == 40
    assert len(set(asked[1])) > 2
    assert done.foreign_modules == []
    assert 0 < done.p50_seconds <= done.p95_seconds
    assert done.load_seconds > 0
    assert done.size_bytes == registered[0].size_bytes()
    assert not list(registered[0].components.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("task", "settings", "otherwise"),
    [
        (ORDINAL, {}, {"ordinal_answer": "mode"}),
        (TASK, FREE, {"reads": "input"}),
    ],
    ids=["the median of scored labels", "what is generated from the whole input"],
)
def test_it_answers_in_the_way_that_was_evaluated(
    check, tampered, exam, trained, artifacts, task, settings, otherwise
):
    def ask(changed):
        recipe = exam.recipe.model_copy(
            update={"task": task, "llm": LLM.model_copy(update=changed)}
        )
        return recipe, ask_all(replace(exam, recipe=recipe), trained)

    recipe, asked = ask(settings)
    _, other = ask(otherwise)
    assert asked[0] == other[0]
    assert asked[1] != other[1]  # so equal answers below are of the same way
    parts, _ = tampered
    spec = ServingRecipe(task=task, llm=recipe.llm)
    spec.specify(trained.arm("persona"), artifacts.llm).write(parts.serving)
    parts.write_manifest()
    done = check(parts, parts.seal(), asked=asked)
    assert (done.problem, done.num_equal, done.foreign_modules) == (None, len(asked[1]), [])


def test_a_module_that_a_server_does_not_have_is_reported(tampered, asked, artifacts, tmp_path):
    """And a text with line breaks in it is one request."""
    parts, _ = tampered
    with (parts.components / "serving" / "persona_model.py").open("a") as code:
        code.write("\nimport components.optimization.fit, matplotlib, sklearn\n")
    request = asked[0][0].model_copy(update={"payload": BREAKS, "history": [BREAKS]})
    found = ask_fresh_process(parts, artifacts.llm, [request], tmp_path)
    assert set(found.foreign_modules) >= {
        "components.optimization.fit",
        "matplotlib",
        "sklearn",
    }
    assert len(found.answers) == 1


def test_another_answer_is_counted(check, registered, asked, monkeypatch):
    answers = [f"not {asked[1][0]}", *asked[1][1:]]
    found = Reproduction(
        answers=answers, load_seconds=1, seconds=[0.1, 0.3] * 20, foreign_modules=["zenml"]
    )
    monkeypatch.setattr(fresh_process, "ask_fresh_process", lambda *_: found)
    done = check(*registered)
    assert (done.loaded, done.num_equal, done.num_questions) == (True, 39, 40)
    assert done.p50_seconds == pytest.approx(0.2)
    assert done.foreign_modules == ["zenml"]


@pytest.mark.parametrize(
    "name",
    [
        "plug_in/user_embedder.safetensors",
        "plug_in/user_embedder.json",
        "serving/serving.json",
        "serving/llm_reference.json",
        "serving/artifact.json",
        "components/serving/reproduce.py",
        "components/llm/answering.py",
    ],
)
@pytest.mark.parametrize("change", ["flip", "empty", "remove"])
def test_a_changed_artifact_is_not_even_asked(check, tampered, flip, name, change):
    parts, artifact_hash = tampered
    part, _, within = name.partition("/")
    path = getattr(parts, part) / within
    {"flip": flip, "empty": lambda path: path.write_bytes(b""), "remove": Path.unlink}[change](path)
    done = check(parts, artifact_hash, lambda uri, directory: pytest.fail("it was asked"))
    assert not done.loaded
    assert done.problem == f"changed since it was registered: {name}"
    assert (done.num_questions, done.num_equal, done.p50_seconds) == (40, 0, None)
    assert done.size_bytes > 0


@pytest.mark.parametrize(
    ("left", "problem"),
    [
        (None, "left no answers that can be read: "),
        ("{", "left no answers that can be read: "),
        (
            '{"answers": [], "load_seconds": 1, "seconds": [], "foreign_modules": []}',
            "40 questions, but 0 answers",
        ),
    ],
)
def test_a_process_that_leaves_no_answers_is_a_finding(
    check, registered, tmp_path, monkeypatch, left, problem
):
    def run(command, **_):
        if left is not None:
            Path(command[command.index("--output") + 1]).write_text(left)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(fresh_process.subprocess, "run", run)
    done = check(*registered)
    assert not done.loaded
    assert done.problem.startswith(problem)


def test_a_process_that_does_not_end_is_a_finding(check, registered, monkeypatch):
    monkeypatch.setattr(fresh_process, "TIMEOUT_SECONDS", 0.1)
    done = check(*registered)
    assert (done.loaded, done.problem) == (False, "gave no answers within 0.1 s")


@pytest.mark.parametrize(
    "name", ["weights/model.safetensors", "weights/tokenizer.json", "llm.json"]
)
def test_a_changed_llm_is_refused_by_the_process(
    check, registered, artifacts, flip, tmp_path, name
):
    changed = shutil.copytree(artifacts.llm.path, tmp_path / "llm")
    flip(changed / name)
    done = check(*registered, lambda uri, directory: changed)
    assert not done.loaded
    assert done.problem.startswith("the LLM has hash ")
    assert done.problem.endswith(f"but {artifacts.llm.content_hash()} was registered")


def test_an_llm_that_cannot_be_had_is_said(check, registered):
    def download(uri: str, directory: Path) -> Path:
        assert not list(directory.iterdir())
        raise BrokenArtifactError(f"{uri} cannot be downloaded: gone")

    done = check(*registered, download)
    assert done.problem == "models:/tiny-llm/1 cannot be downloaded: gone"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("Traceback (most recent call last):\n  File x\nValueError: no such LLM\n", "no such LLM"),
        (
            "OSError: first\n\nDuring handling\nlib.OtherError: then\nbye",
            "lib.OtherError: then bye",
        ),
        (
            "pydantic_core.ValidationError: 1 validation error for Spec\nllm.wings\n  Extra\n"
            "    For further information visit x\n",
            "pydantic_core.ValidationError: 1 validation error for Spec llm.wings Extra",
        ),
        ("encoding: 10%\rencoding: 100%\n", "the process ended with status -9, and no error"),
    ],
)
def test_the_error_that_ended_the_process_is_read(stderr, said):
    assert read_error(stderr, -9) == said
