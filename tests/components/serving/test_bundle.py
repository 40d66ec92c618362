"""The bundle: a fresh process answers as this one does, and a changed byte is refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving.bundle import ServingBundle, package_serving
from components.serving.persona_model import ServingRecipe, ServingSpec
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
    return package_serving(spec, plug_in, llm, tmp_path / "bundle", "persona-plug-LaMP_2", "7")


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
    "name",
    [
        "plug_in/user_embedder.safetensors",
        "plug_in/user_embedder.json",
        "llm/weights/model.safetensors",
        "llm/weights/tokenizer.json",
        "serving.json",
        "golden.json",
    ],
)
def test_a_changed_byte_is_refused(bundle, flip, name):
    flip(bundle.path / name)
    with pytest.raises(ValueError, match=f"changed since it was packaged: {name}$"):
        bundle.load()


def test_a_missing_or_new_file_is_refused(bundle):
    (bundle.path / "llm" / "weights" / "model.safetensors").unlink()
    (bundle.path / "plug_in" / "more.json").touch()
    with pytest.raises(ValueError, match=r"llm/weights/model.safetensors, plug_in/more.json$"):
        bundle.load()


def test_what_serves_is_not_changed_by_what_is_copied_over_it(bundle):
    model = bundle.load()
    held = {name: one.sum().item() for name, one in model.llm.model.named_parameters()}
    for name in ("llm/weights/model.safetensors", "plug_in/user_embedder.safetensors"):
        size = (bundle.path / name).stat().st_size
        with (bundle.path / name).open("r+b") as file:  # in its place, as cp does
            file.write(bytes(size))
    model.answer(INPUTS, [model.encode_items(ITEMS)] * 3)
    assert {name: one.sum().item() for name, one in model.llm.model.named_parameters()} == held


def edit(bundle, change):
    """Change the card as someone would who knows how it is made."""
    path = bundle.path / "bundle.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_what_the_card_says_has_to_be_so(bundle):
    def change(card):
        card["llm"]["weights_sha256"] = "0" * 64
        card["tokenizer"]["tail"] = [7]
        card["made_with"]["torch"] = "0.1"  # another version may serve it

    edit(bundle, change)
    with pytest.raises(
        ValueError, match=r"as it was packaged: llm.weights_sha256, tokenizer.tail$"
    ):
        bundle.load()


def test_a_folder_that_is_no_bundle_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no serving bundle: there is no bundle.json"):
        ServingBundle.at(tmp_path).load()


def test_a_hubs_llm_that_is_not_here_is_named(bundle, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    description = {
        "name": "nobody/nothing",
        "revision": "0" * 40,
        "settings_hash": "x",
        "curve": [],
    }
    shutil.rmtree(bundle.path / "llm" / "weights")
    (bundle.path / "llm" / "llm.json").write_text(json.dumps(description))
    spec = ServingSpec.read(bundle.path)
    spec.model_copy(update={"llm_hash": bundle.llm().content_hash()}).write(bundle.path)
    edit(bundle, lambda card: card.update(files=bundle.hash_files()))
    edit(bundle, lambda card: card["llm"].update(name="nobody/nothing", revision="0" * 40))
    with pytest.raises(ValueError, match=r"the LLM 'nobody/nothing' at revision 0{40} or an enc"):
        bundle.load()


def test_another_store_is_refused(bundle):
    encoder = bundle.card().encoder
    bundle.check_store(encoder.fingerprint, 16)
    with pytest.raises(ValueError, match="the persona store holds vectors of fingerprint other"):
        bundle.check_store("other", 16)
    with pytest.raises(ValueError, match="and width 8, but the plug-in reads"):
        bundle.check_store(encoder.fingerprint, 8)


def test_the_card_says_what_was_packaged(bundle, trained, artifacts):
    card, plug_in = bundle.card(), trained.arm("persona")
    assert (card.model_name, card.model_version) == ("persona-plug-LaMP_2", "7")
    assert card.plug_in.weights_sha256 == plug_in.weights_hash()
    assert card.encoder.weights_sha256 == plug_in.card().encoder_weights_sha256
    assert card.llm.weights_sha256 == plug_in.card().llm_weights_sha256
    assert card.llm.content_hash == artifacts.llm.content_hash()
    assert card.generation.max_input_length == LLM.max_input_length
    tokenizer = artifacts.llm.load_tokenizer()
    assert card.tokenizer.num_tokens == len(tokenizer)
    assert tokenizer.convert_ids_to_tokens(card.tokenizer.head) == ["[CLS]"]
    assert tokenizer.convert_ids_to_tokens(card.tokenizer.tail) == ["[SEP]"]
    assert set(card.files) == {
        path.relative_to(bundle.path).as_posix() for path in bundle.files()
    } - {"bundle.json"}


def test_a_bundle_is_the_same_bytes_however_often_it_is_made(bundle, trained, artifacts, tmp_path):
    spec = ServingSpec.read(bundle.path)
    (tmp_path / "again").mkdir()
    parts = trained.arm("persona"), artifacts.llm, tmp_path / "again"
    again = package_serving(spec, *parts, "persona-plug-LaMP_2", "7")
    assert again.content_hash() == bundle.content_hash()


def test_the_bundle_holds_no_users_data(bundle, artifacts):
    names = {path.relative_to(bundle.path).parts[0] for path in bundle.files()}
    assert names == {"plug_in", "llm", "serving.json", "golden.json", "bundle.json"}
    golden = (bundle.path / "golden.json").read_text()
    for table, column in (
        (artifacts.histories.items, "input"),
        (artifacts.histories.questions, "payload"),
    ):
        assert not any(text in golden for text in table[column])
