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
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ConfigDict, Field

from components.config import Config
from components.folder import write_folder
from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.splits import EmptySplitError, require_splits
from components.histories.tables import Split
from components.run_yaml import read_sections
from components.tasks.resolve import TaskChoice
from components.validation.config import ValidationConfig
from components.validation.report import (
    NOUNS,
    RuleResult,
    UnsoundHistoriesError,
    ValidationReport,
    format_share,
)
from components.validation.tombstones import find_erased_users
from components.validation.validate import validate_histories
from components.validation.validation_folder import (
    DATA_DOCS,
    INDEX,
    ValidationFolder,
    is_findings,
)

GOES_ON, STOPS, UNREADABLE = 0, 1, 2
KEY_FILE = Path("state/user_hash.key")


class EvaluationSection(Config):
    """What of a run's evaluation its histories must have."""

    model_config = ConfigDict(extra="ignore")

    split: Split = Field("test", description="The split whose questions are asked.")


class CheckSettings(Config):
    """What of a run's YAML a validation needs."""

    task: TaskChoice = Field(description="What the items and questions mean.")
    data: DataConfig = Field(description="The mapping; its file gives way to the command's.")
    validation: ValidationConfig = Field(ValidationConfig(), description="The rules.")
    evaluation: EvaluationSection = Field(EvaluationSection(), description="What is asked.")


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
    source = given.source.resolve()
    findings = given.folder or source.with_name(f"{source.name}.validation")
    try:
        settings = read_settings(given.config, given.source)
        report, problem = check(settings, findings, given.key_file, given.show_texts)
    except (ValueError, OSError) as err:
        parser.exit(UNREADABLE, f"{err}\n")
    except Exception:  # Python's own exit code for it is 1, which means something else here
        traceback.print_exc()
        parser.exit(UNREADABLE)
    sys.stdout.write(f"{describe(report)}\n{problem}\nSee {findings / DATA_DOCS / INDEX}\n")
    parser.exit(STOPS if report.stopping or problem else GOES_ON)


def read_settings(config: Path, source: Path) -> CheckSettings:
    """Return the settings of a run's YAML, about another source.

    Raises:
        ValueError: If the YAML can't be read, has no mapping for the source, or is wrong; names
            the file and the fields.
    """
    return read_sections(
        config,
        CheckSettings,
        lambda known: known | {"data": _point_at(source, known.get("data"))},
    )


def _point_at(source: Path, data: Any) -> Any:
    """Return the section `data`, about this source; what is no section is left to be refused."""
    kind, field = ("lamp", "folder") if source.is_dir() else ("interactions", "path")
    data = {} if data is None else data
    section = data.get(kind, {}) if isinstance(data, dict) else None
    if not isinstance(section, dict):
        return data
    return {**data, "source": kind, kind: {**section, field: str(source)}}


def check(
    settings: CheckSettings, findings: Path, key_file: Path, show_texts: bool
) -> tuple[ValidationReport, str]:
    """Validate, and write the findings; the sound histories are thrown away.

    Args:
        settings: What is validated, and how.
        findings: The folder that is written; earlier findings give way.
        key_file: Of the tombstones' key.
        show_texts: Whether unknown labels may be shown.

    Returns:
        The report, and what else would stop a run (a split without questions); or nothing.

    Raises:
        ValueError: If the source can't be read (names file, row and field), or the folder holds
            something else.
    """
    if findings.exists() and not is_findings(findings):
        raise ValueError(f"{findings} holds something else than findings; name another --folder")
    erased = find_erased_users(settings.validation, key_file)
    with tempfile.TemporaryDirectory() as scratch:
        directory, problem = Path(scratch), ""
        raw = read_histories(settings.data, settings.task, 0, directory / "raw")
        pa.default_memory_pool().release_unused()  # what the reader took
        try:
            with suppress(UnsoundHistoriesError):  # the report says so
                outcome = validate_histories(
                    raw, settings.task, settings.validation, directory, show_texts, erased
                )
                require_splits(outcome.histories, settings.evaluation.split)
        except EmptySplitError as err:
            problem = f"\nThe run stops: {err}\n"
        folder = ValidationFolder.at(directory / "validation")
        with write_folder(findings, replace=True) as staging:
            shutil.copytree(folder.path, staging, dirs_exist_ok=True)
        return folder.report, problem


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


if __name__ == "__main__":
    main()
