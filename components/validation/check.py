"""Validation for the data's owner: a command without ZenML, GPU or model.

    python -m components.validation.check reviews.jsonl.gz --config configs/critic_score.yaml

reads a file (or a folder in LaMP's layout) by the mapping of a run's YAML, judges it as the
pipeline would, prints the verdict and a table, and leaves the folder `reviews.jsonl.gz.validation`
beside it: `data_docs/index.html`, `quarantine.parquet` and `report.json`. Exit code: 0 if a run
would go on, 1 if it would stop, 2 if the file or the settings can't be read.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from components.config import Config
from components.folder import write_folder
from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.tasks.resolve import TaskChoice
from components.validation.config import ValidationConfig
from components.validation.report import NOUNS, RuleResult, ValidationReport, format_share
from components.validation.report import ValidationError as UnsoundError
from components.validation.tombstones import find_erased_users
from components.validation.validate import validate_histories
from components.validation.validation_folder import ValidationFolder

SOUND, UNSOUND, UNREADABLE = 0, 1, 2
KEY_FILE = Path("state/user_hash.key")


class CheckSettings(Config):
    """What of a run's YAML a validation needs."""

    task: TaskChoice = Field(description="What the items and questions mean.")
    data: DataConfig = Field(description="The mapping; its file gives way to the command's.")
    validation: ValidationConfig = Field(ValidationConfig(), description="The rules.")
    seed: int = Field(0, description="Of samples of questions.")


def main() -> None:
    """Validate what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", type=Path, help="file of events, or a folder in LaMP's layout")
    parser.add_argument("--config", type=Path, required=True, help="a run's YAML: task and mapping")
    parser.add_argument("--folder", type=Path, help="where the findings go; beside the source")
    parser.add_argument("--key-file", type=Path, default=KEY_FILE, help="key of the tombstones")
    parser.add_argument("--show-texts", action="store_true", help="show unknown labels as they are")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    findings = given.folder or given.source.with_name(f"{given.source.name}.validation")
    try:
        settings = read_settings(given.config, given.source)
        report = check(settings, findings, given.key_file, given.show_texts)
    except ValidationError as err:
        problems = (f"{_name(error['loc'])}: {error['msg']}" for error in err.errors())
        parser.exit(UNREADABLE, "".join(f"{given.config}: {line}\n" for line in problems))
    except (ValueError, OSError) as err:
        parser.exit(UNREADABLE, f"{err}\n")
    sys.stdout.write(f"{describe(report)}\n\nSee {findings / 'data_docs' / 'index.html'}\n")
    parser.exit(UNSOUND if report.stopping else SOUND)


def read_settings(config: Path, source: Path) -> CheckSettings:
    """Return the settings of a run's YAML, about another source.

    Raises:
        ValueError: If the YAML can't be read, has no mapping for the source, or is wrong.
    """
    try:
        document = yaml.safe_load(config.read_text("utf-8"))
    except yaml.YAMLError as err:
        raise ValueError(f"{config}: is no YAML: {err}") from err
    parameters = document.get("parameters") if isinstance(document, dict) else None
    if not isinstance(parameters, dict):
        raise ValueError(f"{config}: expected the section 'parameters' of a run's YAML")
    known = {name: parameters[name] for name in CheckSettings.model_fields if name in parameters}
    kind, field = ("lamp", "folder") if source.is_dir() else ("interactions", "path")
    data: dict[str, Any] = known.get("data") or {}
    section = data.get(kind) or {}
    known["data"] = {**data, "source": kind, kind: {**section, field: str(source)}}
    return CheckSettings.model_validate(known)


def check(
    settings: CheckSettings, findings: Path, key_file: Path, show_texts: bool
) -> ValidationReport:
    """Validate, and write the findings; the sound histories are thrown away.

    Args:
        settings: What is validated, and how.
        findings: The folder that is written, or replaced.
        key_file: Of the tombstones' key.
        show_texts: Whether unknown labels may be shown.

    Raises:
        ValueError: If the source can't be read; names file, row and field.
    """
    erased = find_erased_users(settings.validation, key_file)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        raw = read_histories(settings.data, settings.task, settings.seed, directory / "raw")
        with suppress(UnsoundError):  # the folder says so
            validate_histories(
                raw, settings.task, settings.validation, directory, show_texts, erased
            )
        folder = ValidationFolder.at(directory / "validation")
        with write_folder(findings, replace=True) as staging:
            shutil.copytree(folder.path, staging, dirs_exist_ok=True)
        return folder.report


def describe(report: ValidationReport) -> str:
    """Return the verdict, and a line for each rule that could be checked."""
    rows: list[tuple[str, ...]] = [("rule", "of", "outcome", "failed", "checked", "share")]
    rows += [
        _list_rule(result) for result in report.worst_first if result.status != "not_checkable"
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if place > 2 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines += [
        f"personal data, {found.kind}: {found.finds:,} in {found.rows:,} {NOUNS[found.table]}"
        for found in report.personal_data
    ]
    return "\n".join([report.verdict, "", *lines])


def _list_rule(result: RuleResult) -> tuple[str, ...]:
    outcome = "passed" if result.status == "passed" else "quarantined"
    if result.stops:
        outcome = "STOPS"
    elif result.warns:
        outcome = "warning"
    share = format_share(result.share)
    return (
        result.rule,
        NOUNS[result.table],
        outcome,
        f"{result.failed:,}",
        f"{result.checked:,}",
        share,
    )


def _name(place: tuple[int | str, ...]) -> str:
    return ".".join(map(str, place))


if __name__ == "__main__":
    main()
