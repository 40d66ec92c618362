"""The command that downloads a task, against a server with the benchmark's folders."""

import json
import logging
from pathlib import Path

import pytest

from components.histories.config import LampConfig
from components.histories.download import LICENSED_REFUSAL, download_task, main
from components.histories.fetch import MissingFileError, WrongContentError, WrongStartError
from components.histories.lamp import read_lamp
from components.histories.tables import SPLITS
from components.tasks.lamp import LAMP_2, LAMP_3, LAMP_TASKS
from components.tasks.task import Task
from tests.components.histories.file_server import FileServer, serve

PAGE = b"<html>Not here.</html>"


def make_files(source: str, task: Task) -> dict[str, bytes]:
    """Return the files of a task below its folder on the server, test golds withheld."""
    files = {}
    for split in SPLITS:
        payload = '"A" [1]: "B" [2]: "C"' if task.name == "LaMP_1" else "fine"
        question = {"id": f"{split}1", "input": task.render_prompt(payload), "profile": []}
        gold = {"id": f"{split}1", "output": task.labels[0] if task.labels else "a text"}
        documents = {"questions": [question], "outputs": {"task": task.name, "golds": [gold]}}
        for kind, document in documents.items():
            files[f"{source}/{split}/{split}_{kind}.json"] = json.dumps(document).encode()
    del files[f"{source}/test/test_outputs.json"]
    return files


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr("sys.argv", ["download", *map(str, arguments)])
    main()


@pytest.mark.parametrize(
    ("task", "setting", "source"),
    [
        (LAMP_3, "time", "/time/LaMP_3"),
        (LAMP_3, "user", "/LaMP_3"),
        (LAMP_2, "time", "/time/LaMP_2/new"),
        (LAMP_2, "user", "/LaMP_2/new"),
    ],
)
def test_what_is_downloaded_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    task: Task,
    setting: str,
    source: str,
) -> None:
    with serve(make_files(source, task)) as server, caplog.at_level(logging.INFO):
        arguments = ("--setting", setting, "--folder", tmp_path, "--base", f"{server.address}/")
        run(monkeypatch, task.name, *arguments)
        folder = tmp_path / setting / task.name
        assert "the benchmark withholds its test golds (http" in caplog.text
        assert f"data.lamp.folder: {folder}" in caplog.text
        names = sorted(path.name for path in folder.rglob("*") if path.is_file())
        assert names == sorted(path.rpartition("/")[2] for path in server.files)
        read = read_lamp(LampConfig(folder=folder), task, 0, tmp_path / "tables")
        assert list(read.questions["split"]) == ["train", "dev"]

        server.requests.clear()
        run(monkeypatch, task.name, *arguments)
        missing = f"{source}/test/test_outputs.json"
        assert server.requests == [(missing, None)]  # finished files are not asked for again


def test_all_tasks_but_the_licensed_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    files: dict[str, bytes] = {}
    for name, task in LAMP_TASKS.items():
        files |= make_files(f"/time/{name}{'/new' if name == 'LaMP_2' else ''}", task)
    with serve(files) as server:
        run(monkeypatch, "all", "--folder", tmp_path, "--base", server.address)
    assert LICENSED_REFUSAL in caplog.text
    assert {path.name for path in (tmp_path / "time").iterdir()} == set(LAMP_TASKS) - {"LaMP_6"}
    assert not any("LaMP_6" in path for path, _ in server.requests)


def test_the_licensed_task_is_refused_with_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, "LaMP_6", "--folder", tmp_path)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "licensed by the LDC" in said
    assert "{split}_questions.json" in said
    assert list(tmp_path.iterdir()) == []


def test_a_page_in_place_of_the_test_golds_is_said_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = make_files("/time/LaMP_3", LAMP_3) | {"/time/LaMP_3/test/test_outputs.json": PAGE}
    with serve(files) as server, caplog.at_level(logging.INFO):
        download_task(LAMP_3, "time", tmp_path, server.address)
    assert "withholds its test golds" in caplog.text
    assert not list(tmp_path.rglob("test_outputs*"))


def download(server: FileServer, folder: Path) -> None:
    download_task(LAMP_3, "time", folder, server.address)


def test_another_file_that_is_missing_or_wrong_is_an_error(tmp_path: Path) -> None:
    path = "/time/LaMP_3/dev/dev_questions.json"
    with serve(make_files("/time/LaMP_3", LAMP_3)) as server:
        right = server.files.pop(path)
        with pytest.raises(MissingFileError, match=r"dev_questions\.json: no such file is given"):
            download(server, tmp_path)
        server.files[path] = PAGE
        with pytest.raises(WrongStartError, match=r"http.*dev_questions\.json: .*<html>Not here"):
            download(server, tmp_path)
        server.files[path] = right[:-1]
        with pytest.raises(WrongContentError, match=r"http.*dev_questions\.json: .*no JSON"):
            download(server, tmp_path)
        server.files[path] = right.replace(b'"profile"', b'"profil"')
        with pytest.raises(WrongContentError, match="field 'profile': is missing"):
            download(server, tmp_path)
        server.files[path] = right
        outputs = path.replace("questions", "outputs")
        server.files[outputs] = server.files[outputs].replace(b'"1"', b'"politics"')
        with pytest.raises(WrongContentError, match="label 'politics' is none of"):
            download(server, tmp_path)
        assert not list(tmp_path.rglob("*.part"))


def test_a_packed_file_is_there_already(tmp_path: Path) -> None:
    with serve(make_files("/time/LaMP_3", LAMP_3)) as server:
        download(server, tmp_path)
        path = tmp_path / "time" / "LaMP_3" / "train" / "train_questions.json"
        path.rename(path.with_name(f"{path.name}.gz"))
        server.requests.clear()
        download(server, tmp_path)
    assert [asked for asked, _ in server.requests] == ["/time/LaMP_3/test/test_outputs.json"]
