"""Secrets: whichever was written first stays."""

from components.secret_file import read_secret


def test_a_secret_that_is_there_stays(tmp_path):
    assert read_secret(tmp_path / "secret", "first") == "first"
    assert read_secret(tmp_path / "secret", "second") == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
