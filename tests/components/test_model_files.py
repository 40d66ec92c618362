"""What was loaded is told by its weights."""

import pytest

from components.folder import hash_file
from components.model_files import hash_weights


def test_one_file_is_hashed_as_itself_and_several_with_their_names(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no weights"):
        hash_weights(tmp_path, None)
    (tmp_path / "pytorch_model.bin").write_bytes(b"old")
    assert hash_weights(tmp_path, None) == hash_file(tmp_path / "pytorch_model.bin")
    one = tmp_path / "model.safetensors"  # transformers loads these where there are both
    one.write_bytes(b"a")
    assert hash_weights(tmp_path, None) == hash_file(one)
    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"b")
    both = hash_weights(tmp_path, None)
    assert both != hash_file(one)
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert hash_weights(tmp_path, None) == both
    one.rename(tmp_path / "other.safetensors")
    assert hash_weights(tmp_path, None) not in (both, hash_file(tmp_path / "other.safetensors"))
