"""The bundle: a fresh process answers as this one does, and a changed byte is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving.bundle import ServingBundle, package_serving
from components.serving.persona_model import ServingRecipe
from tests.components.tiny_world import LLM, TASK

ROOT = Path(__file__).parents[3]
ITEMS = [
    {"description": "a tale of time travel", "tag": "sci-fi"},
    {"description": "based on a book", "tag": "classic"},
]
INPUTS = ["a book", "time travel", "a tale of action"]
FRESH = """
import json, sys
from pathlib import Path
from components.serving.bundle import ServingBundle
model = ServingBundle.at(Path(sys.argv[1])).load()
items, inputs = json.loads(sys.argv[2])
history = model.encode_items(items)
print(json.dumps(model.answer(inputs * 2, [history] * 3 + [history[:0]] * 3)))
"""


@pytest.fixture
def bundle(trained, artifacts, tmp_path):
    plug_in, llm = trained.arm("persona"), artifacts.llm
    spec = ServingRecipe(task=TASK, llm=LLM).specify(plug_in, llm)
    (tmp_path / "bundle").mkdir()
    return package_serving(spec, plug_in, llm, tmp_path / "bundle")


def test_a_fresh_process_answers_the_same(bundle, tmp_path):
    moved = bundle.path.rename(tmp_path / "elsewhere")  # it needs no path of where it was made
    model = ServingBundle.at(moved).load()
    history = model.encode_items(ITEMS)
    here = model.answer(INPUTS * 2, [history] * 3 + [history[:0]] * 3)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(moved), json.dumps([ITEMS, INPUTS])],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == here
    assert set(here) <= set(TASK.labels)
    assert len(set(here)) > 1


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("plug_in/user_embedder.safetensors", "the user embedder"),
        ("plug_in/user_embedder.json", "the user embedder"),
        ("llm/weights/model.safetensors", "the LLM"),
        ("llm/weights/tokenizer.json", "the LLM"),
    ],
)
def test_a_changed_byte_is_refused(bundle, flip, name, what):
    flip(bundle.path / name)
    with pytest.raises(ValueError, match=f"{what} has hash"):
        bundle.load()


def test_the_bundle_holds_no_users_data(bundle):
    names = {path.relative_to(bundle.path).parts[0] for path in bundle.files()}
    assert names == {"plug_in", "llm", "serving.json"}
