"""The manifest: no byte that decides an answer changes unseen, and the change is named."""

import pytest

from components.llm.llm_folder import LLMSource, write_llm_folder
from components.serving.artifact import fetch_llm, write_llm_reference

CHANGED = "changed since it was registered: "


def test_an_intact_artifact_has_no_change(registered):
    parts, manifest_hash = registered
    assert parts.find_change(manifest_hash) is None
    assert parts.size_bytes() == sum(path.stat().st_size for path in parts.files().values())
    assert parts.size_bytes() > (parts.plug_in / "user_embedder.safetensors").stat().st_size


@pytest.mark.parametrize(
    "name",
    [
        "plug_in/user_embedder.safetensors",
        "plug_in/user_embedder.json",
        "serving/serving.json",
        "serving/llm_reference.json",
        "components/llm/frozen_llm.py",
        "serving/artifact.json",
    ],
)
def test_a_changed_byte_is_named(tampered, flip, name):
    parts, manifest_hash = tampered
    part, _, within = name.partition("/")
    flip(getattr(parts, part) / within)
    assert parts.find_change(manifest_hash) == CHANGED + name


def test_a_changed_loader_is_named(tampered, flip):
    parts, manifest_hash = tampered
    flip(parts.loader)
    assert parts.find_change(manifest_hash) == f"{CHANGED}persona_pyfunc.py"
    parts.loader.unlink()
    assert parts.find_change(manifest_hash) == f"{CHANGED}persona_pyfunc.py"


def test_a_change_of_mlflows_own_files_is_found(tampered, flip):
    parts, _ = tampered
    (parts.loader.parent / "MLmodel").write_text("flavors: {}\n")
    (parts.loader.parent / "requirements.txt").write_text("torch\n")
    seal = parts.seal()
    (parts.loader.parent / "registered_model_meta").write_text("where it was downloaded from")
    assert parts.find_change(seal) is None
    flip(parts.loader.parent / "requirements.txt")
    assert parts.find_change(seal) == (
        f"{CHANGED}one of MLflow's own files (MLmodel, requirements.txt)"
    )


@pytest.mark.parametrize("name", ["numpy.py", "torch"])
def test_a_module_beside_the_code_would_be_imported_first(tampered, name):
    parts, manifest_hash = tampered
    (parts.components.parent / name).mkdir()
    assert parts.find_change(manifest_hash) == f"{CHANGED}code/{name}"


def test_a_change_that_the_manifest_was_made_to_fit_is_found(tampered, flip):
    parts, manifest_hash = tampered
    flip(parts.plug_in / "user_embedder.json")
    parts.write_manifest()
    assert parts.find_change(manifest_hash) == f"{CHANGED}serving/artifact.json"


def test_missing_and_new_files_are_changes(tampered):
    parts, manifest_hash = tampered
    (parts.plug_in / "user_embedder.json").unlink()
    (parts.components / "llm" / "new.py").touch()
    expected = f"{CHANGED}components/llm/new.py, plug_in/user_embedder.json"
    assert parts.find_change(manifest_hash) == expected
    for path in parts.plug_in.iterdir():
        path.unlink()
    parts.plug_in.rmdir()
    assert parts.find_change(manifest_hash).endswith("plug_in/user_embedder.json and 1 more")
    (parts.serving / "artifact.json").unlink()
    assert parts.find_change(manifest_hash) == f"{CHANGED}serving/artifact.json"


def test_compiled_code_is_no_change(tampered):
    parts, manifest_hash = tampered
    (parts.components / "__pycache__").mkdir()
    (parts.components / "__pycache__" / "config.cpython-311.pyc").touch()
    assert parts.find_change(manifest_hash) is None


def test_a_registered_llm_is_fetched_from_where_it_is(tmp_path, artifacts):
    write_llm_reference(tmp_path, artifacts.llm, "models:/llm/3")
    asked = []

    def download(uri):
        asked.append(uri)
        return artifacts.llm.path

    assert fetch_llm(tmp_path, download).path == artifacts.llm.path
    assert asked == ["models:/llm/3"]


def test_a_hubs_llm_lies_beside_by_name_and_commit(tmp_path):
    for name in ("llm", "serving"):
        (tmp_path / name).mkdir()
    llm = write_llm_folder(tmp_path / "llm", LLMSource("org/model", "abc", "settings"), None, [])
    write_llm_reference(tmp_path / "serving", llm, None)
    found = fetch_llm(tmp_path / "serving", lambda _: pytest.fail("nothing is to be fetched"))
    assert found.path == tmp_path / "serving" / "llm"
    assert found.content_hash() == llm.content_hash()
