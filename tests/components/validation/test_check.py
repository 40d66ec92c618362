"""The owner's command: verdict, findings beside the file, exit codes, errors that name places."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from components.user_hash import KEY_VARIABLE, hash_user
from components.validation import check
from components.validation.report import ValidationReport
from components.validation.tombstones import write_tombstones

ROOT = Path(__file__).resolve().parents[3]
TASK = {
    "name": "stars",
    "kind": "ordinal",
    "labels": ["1", "2", "3"],
    "prompt": "How good? review: {payload}",
    "input_field": "review",
    "output_field": "stars",
    "history_template": "stars: {stars} review: {review}",
}
MAPPING = {"user": "who", "time": "day", "input": "review", "output": "stars", "min_events": 2}


def write_events(path: Path, **changes: Any) -> Path:
    """Write ten events of two users; `changes` are of the last one."""
    events = [
        {
            "who": "ann" if row < 5 else "bob",
            "day": f"2020-01-{row + 1:02d}",
            "review": f"number {row} of ten reviews is about nothing at all, {'abcdefghij'[row]}",
            "stars": row % 3 + 1,
        }
        for row in range(10)
    ]
    events[-1] |= changes
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


def write_config(path: Path, **parameters: Any) -> Path:
    interactions = {"path": "elsewhere.jsonl", **MAPPING}
    known = {"task": TASK, "data": {"source": "interactions", "interactions": interactions}}
    path.write_text(yaml.safe_dump({"parameters": known | parameters}), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["check", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        check.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_sound_events_pass_and_the_findings_lie_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, config = write_events(tmp_path / "events.jsonl"), write_config(tmp_path / "run.yaml")
    assert run(monkeypatch, source, "--config", config) == 0
    shown = capsys.readouterr().out
    findings = tmp_path / "events.jsonl.validation"
    assert shown.startswith("The histories are sound: 10 history items, ")
    assert shown.rstrip().endswith(str(findings / "data_docs" / "index.html"))
    assert "time_order" in shown and "not_checkable" not in shown
    assert sorted(path.name for path in findings.iterdir()) == [
        "data_docs",
        "quarantine.parquet",
        "report.json",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "events.jsonl",
        "events.jsonl.validation",
        "run.yaml",
    ]


def test_a_defect_above_its_threshold_is_exit_code_1_and_the_findings_are_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, config = write_events(tmp_path / "events.jsonl"), write_config(tmp_path / "run.yaml")
    assert run(monkeypatch, source, "--config", config) == 0
    write_events(source, review=" ")
    assert run(monkeypatch, source, "--config", config) == 1
    shown = capsys.readouterr().out
    assert "The run stops: rule 'emptiness' fails for 1 of 10 history items" in shown
    assert "STOPS" in shown
    findings = tmp_path / "events.jsonl.validation"
    report = ValidationReport.model_validate_json((findings / "report.json").read_bytes())
    assert [result.rule for result in report.stopping] == ["emptiness", "emptiness"]
    quarantined = pq.read_table(findings / "quarantine.parquet").to_pylist()
    assert {row["id"] for row in quarantined if row["table"] == "items"} == {"row-00000010"}


def test_a_label_of_another_task_is_a_defect_of_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_events(tmp_path / "events.jsonl", stars=9)
    config = write_config(tmp_path / "run.yaml", validation={"thresholds": {"labels": 0.2}})
    assert run(monkeypatch, source, "--config", config) == 0
    assert "1 of 10 history items (10 %)" in capsys.readouterr().out
    found = pq.read_table(tmp_path / "events.jsonl.validation" / "quarantine.parquet").to_pylist()
    assert {(row["id"], row["rule"]) for row in found if row["table"] == "items"} == {
        ("row-00000010", "labels")
    }


def test_erased_users_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k")
    tombstones = tmp_path / "tombstones.parquet"
    write_tombstones(tombstones, {hash_user("bob", b"k"): datetime.now(UTC)}, b"k")
    config = write_config(tmp_path / "run.yaml", validation={"tombstones": str(tombstones)})
    source = write_events(tmp_path / "events.jsonl")
    assert run(monkeypatch, source, "--config", config, "--folder", tmp_path / "found") == 1
    assert (tmp_path / "found" / "report.json").exists()


@pytest.mark.parametrize(
    ("changes", "parameters", "message"),
    [
        ({"stars": None}, {}, "events.jsonl, row 10, field 'stars': has no value"),
        ({"day": "soon"}, {}, "events.jsonl, row 10, field 'day'"),
        ({}, {"validation": {"treshold": 1}}, "run.yaml: validation.treshold: Extra inputs"),
        ({}, {"task": "LaMP_9"}, "no built-in task 'LaMP_9'"),
        ({}, {"data": {}}, "run.yaml: data.interactions.input: Field required"),
        ({}, {"data": [1]}, "run.yaml: data: Input should be a valid dictionary"),
        ({}, {"data": {"interactions": "hello"}}, "run.yaml: data.interactions: Input should be"),
        ({}, {"validaton": {}}, "run.yaml: parameters.validaton: did you mean 'validation'?"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2_and_names_the_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    parameters: dict[str, Any],
    message: str,
) -> None:
    source = write_events(tmp_path / "events.jsonl", **changes)
    config = write_config(tmp_path / "run.yaml", **parameters)
    assert run(monkeypatch, source, "--config", config) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "events.jsonl.validation").exists()


def test_a_folder_with_something_else_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, config = write_events(tmp_path / "events.jsonl"), write_config(tmp_path / "run.yaml")
    assert run(monkeypatch, source, "--config", config, "--folder", tmp_path) == 2
    assert "holds something else than findings" in capsys.readouterr().err
    assert source.exists() and config.exists()


def test_a_split_without_questions_stops_as_it_would_stop_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = {"path": "elsewhere.jsonl", **MAPPING, "test_share": 0}
    data = {"source": "interactions", "interactions": mapping}
    source, config = (
        write_events(tmp_path / "e.jsonl"),
        write_config(tmp_path / "c.yaml", data=data),
    )
    assert run(monkeypatch, source, "--config", config) == 1
    assert "The run stops: there are no test questions to evaluate" in capsys.readouterr().out
    write_config(config, data=data, evaluation={"split": "dev", "arms": ["base"]})
    assert run(monkeypatch, source, "--config", config) == 0


def test_a_crash_is_told_from_a_run_that_would_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(check, "check", crash)
    source, config = write_events(tmp_path / "e.jsonl"), write_config(tmp_path / "c.yaml")
    assert run(monkeypatch, source, "--config", config) == 2
    assert "RuntimeError: unforeseen" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[1, 2", "just text", "task: {}", "day: 2024-99-99"])
def test_a_config_that_is_none_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(content)
    source = write_events(tmp_path / "events.jsonl")
    assert run(monkeypatch, source, "--config", config) == 2
    assert capsys.readouterr().err.startswith(f"{config}: ")


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path / "run.yaml")
    assert run(monkeypatch, tmp_path / "gone.jsonl", "--config", config) == 2
    assert "gone.jsonl" in capsys.readouterr().err


def test_the_command_loads_neither_zenml_nor_mlflow_nor_torch(tmp_path: Path) -> None:
    source, config = write_events(tmp_path / "events.jsonl"), write_config(tmp_path / "run.yaml")
    script = (
        "import sys; from components.validation import check\n"
        f"sys.argv = ['check', {str(source)!r}, '--config', {str(config)!r}]\n"
        "try: check.main()\n"
        "except SystemExit as ended: code = ended.code\n"
        "print([name for name in ('zenml', 'mlflow', 'torch') if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr
