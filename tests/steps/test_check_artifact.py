"""The registered version, fetched from MLflow and asked by itself in a process of its own."""

import py_compile
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest

from components.evaluation.arms import answer_as, tabulate_predictions
from components.evaluation.exam import Exam
from components.evaluation.predictions import (
    ATTENTION_SCHEMA,
    QUESTION_SCHEMA,
    Answers,
    Predictions,
    write_predictions,
)
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.registry_records import Registration
from components.serving.persona_model import ServingRecipe
from components.training.train import TRAINED_ARMS, train_user_embedder
from steps.check_artifact import check_artifact
from steps.model_registry import ROLLED_BACK, open_registry
from steps.register_user_embedder import log_model
from tests.components import tiny_world
from tests.components.tiny_world import LLM, make_artifacts, make_exam, make_recipe

TASK = tiny_world.TASK.model_copy(update={"name": "LaMP_2_checked"})
"""No other test registers models of it."""


class Registered(NamedTuple):
    """A version, and where MLflow keeps its files and its LLM's."""

    candidate: Registration
    exam: Exam
    predictions: Predictions
    model: Path
    llm: Path
    llm_version: str

    def check(self) -> ArtifactCheck:
        histories, recipe = self.exam.artifacts.histories, self.exam.recipe
        return check_artifact.entrypoint(histories, self.predictions, self.candidate, recipe)


@pytest.fixture(scope="module")
def registered(zenml_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    folder = tmp_path_factory.mktemp("registered")
    artifacts, encoder = make_artifacts(folder)
    (folder / "persona").mkdir()
    plug_in = train_user_embedder(
        artifacts, make_recipe(encoder), TRAINED_ARMS["persona"], folder / "persona"
    )
    exam = make_exam(artifacts, encoder)
    exam = replace(exam, recipe=exam.recipe.model_copy(update={"task": TASK}))
    rows = exam.question_rows()
    answers = answer_as(exam, plug_in, True, [exam.examples(rows)])
    said = Answers(
        predictions=tabulate_predictions(exam, rows, {"persona": answers}),
        questions=QUESTION_SCHEMA.empty_table(),
        attention=ATTENTION_SCHEMA.empty_table(),
    )
    client = open_registry()
    experiment = mlflow.create_experiment("check_artifact", (folder / "mlflow").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        candidate = log_model(client, plug_in, artifacts.llm, ServingRecipe(task=TASK, llm=LLM))
    version = client.get_model_version(candidate.model_name, candidate.version)
    model = mlflow.get_logged_model(version.source.removeprefix("models:/")).artifact_location
    [llm] = client.search_model_versions(f"name = 'persona-plug-llm-{TASK.name}'")
    return Registered(
        candidate,
        exam,
        write_predictions(folder / "predictions", said),
        Path(model.removeprefix("file://")),
        Path(llm.source.removeprefix("file://")),
        str(llm.version),
    )


@contextmanager
def changed(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change a file for as long as the block lasts."""
    data = path.read_bytes()
    path.write_bytes(change(data))
    try:
        yield
    finally:
        path.write_bytes(data)


def flip_last(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_the_registered_version_reproduces_the_evaluation(registered: Registered) -> None:
    check = registered.check()
    assert (check.loaded, check.problem) == (True, None)
    assert check.num_questions == check.num_equal == 40
    assert check.foreign_modules == []
    assert check.p95_seconds is not None
    assert check.p95_seconds > 0
    tags = (
        open_registry()
        .get_model_version(registered.candidate.model_name, registered.candidate.version)
        .tags
    )
    assert tags["artifact_hash"] == registered.candidate.artifact_hash
    assert tags["weights_hash"] == registered.candidate.weights_hash


def test_a_rollback_is_found_as_long_as_its_tag_is_there(registered: Registered) -> None:
    name, version = registered.candidate.model_name, registered.candidate.version
    client, said = open_registry(), "2026-11-29 by anna: version 5 is champion again"
    client.set_model_version_tag(name, version, ROLLED_BACK, said)
    assert registered.check().rolled_back == said
    client.delete_model_version_tag(name, version, ROLLED_BACK)
    assert registered.check().rolled_back is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("user_embedder.safetensors", "plug_in/user_embedder.safetensors"),
        ("user_embedder.json", "plug_in/user_embedder.json"),
        ("serving.json", "serving/serving.json"),
        ("llm_reference.json", "serving/llm_reference.json"),
        ("artifact.json", "serving/artifact.json"),
        ("frozen_llm.py", "components/llm/frozen_llm.py"),
        ("persona_pyfunc.py", "persona_pyfunc.py"),
    ],
)
def test_a_changed_byte_is_a_finding(registered: Registered, name: str, said: str) -> None:
    [path] = registered.model.rglob(name)
    with changed(path, flip_last):
        check = registered.check()
    assert (check.loaded, check.problem) == (False, f"changed since it was registered: {said}")
    assert (check.num_questions, check.num_equal) == (40, 0)


@pytest.mark.parametrize("written", [b"\x0b", b"", b"flavors: {}\n", b"[]\n", b"\xff\xfe"])
def test_a_changed_mlmodel_is_a_finding(registered: Registered, written: bytes) -> None:
    """It says what lies where: without it nothing is found."""
    with changed(registered.model / "MLmodel", lambda _: written):
        check = registered.check()
    version = registered.candidate.version
    assert not check.loaded
    assert str(check.problem).startswith(f"version {version} cannot be used: ")


@pytest.mark.parametrize("name", ["MLmodel", "requirements.txt"])
def test_a_readable_change_of_mlflows_own_files_is_a_finding(
    registered: Registered, name: str
) -> None:
    with changed(registered.model / name, lambda data: data + b"\n"):
        check = registered.check()
    assert not check.loaded
    assert str(check.problem).startswith(
        "changed since it was registered: one of MLflow's own files (MLmodel, "
    )


def test_a_module_beside_the_code_is_a_finding(registered: Registered) -> None:
    beside = registered.model / "code" / "numpy.py"
    beside.write_text("raise RuntimeError")
    try:
        check = registered.check()
    finally:
        beside.unlink()
    assert check.problem == "changed since it was registered: code/numpy.py"


def test_bytecode_that_lies_with_the_code_is_not_run(registered: Registered) -> None:
    """A server on this machine leaves it there; nobody knows of which source."""
    cache = registered.model / "code" / "components" / "__pycache__"
    source = cache.parent / "config.py"
    other = cache.parent / "other.py"
    other.write_text("raise RuntimeError('bytecode')")
    try:
        # As of the source's time and size: Python would take it for the source's.
        data = bytearray(Path(py_compile.compile(str(other), doraise=True)).read_bytes())
        stat = source.stat()
        data[8:16] = struct.pack("<II", int(stat.st_mtime), stat.st_size)
        (cache / cache_from_source("config.py").rpartition("/")[2]).write_bytes(data)
        other.unlink()
        check = registered.check()
    finally:
        shutil.rmtree(cache)
    assert (check.problem, check.num_equal) == (None, 40)


def test_a_changed_llm_is_a_finding(registered: Registered) -> None:
    with changed(registered.llm / "weights" / "model.safetensors", flip_last):
        check = registered.check()
    assert not check.loaded
    assert str(check.problem).startswith("the LLM has hash ")


def test_what_is_there_and_cannot_be_had_is_no_finding(registered: Registered) -> None:
    """As of a bucket that is away: the next try may have it, and nobody lost an office."""
    unreadable = registered.model / "nowhere"
    unreadable.symlink_to("nowhere else")
    try:
        with pytest.raises(OSError, match="nowhere"):
            registered.check()
    finally:
        unreadable.unlink()


def test_a_version_that_is_gone_is_a_finding(registered: Registered) -> None:
    gone = registered.model.rename(registered.model.with_name("gone"))
    try:
        check = registered.check()
    finally:
        gone.rename(registered.model)
    version = registered.candidate.version
    assert str(check.problem).startswith(f"version {version} is gone: ")
    assert (check.loaded, check.size_bytes) == (False, 0)


def test_an_llm_that_is_gone_is_a_finding(registered: Registered) -> None:
    gone = registered.llm.rename(registered.llm.with_name("gone"))
    try:
        check = registered.check()
    finally:
        gone.rename(registered.llm)
    assert (
        check.problem
        == f"models:/persona-plug-llm-{TASK.name}/{registered.llm_version} holds no files"
    )


def test_no_users_text_is_left_behind(registered: Registered, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        with changed(registered.llm / "weights" / "model.safetensors", flip_last):
            registered.check()  # gets as far as to write the questions
    assert list(tmp_path.iterdir()) == []
