"""The folder that a validation leaves: report, quarantine and Data Docs."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.folder import Folder, write_folder
from components.validation.report import ValidationReport

REPORT = "report.json"
QUARANTINE = "quarantine.parquet"
DATA_DOCS = "data_docs"
INDEX = "index.html"


class ValidationFolder(Folder):
    """What was checked and found, for people and for programs."""

    @property
    def report(self) -> ValidationReport:
        """The figures."""
        return ValidationReport.model_validate_json((self.path / REPORT).read_bytes())

    @property
    def quarantine(self) -> pa.Table:
        """The defective rows, columns as in `QUARANTINE_SCHEMA`."""
        return pq.read_table(self.path / QUARANTINE)

    @property
    def data_docs(self) -> Path:
        """The folder with `index.html`, which needs no network."""
        return self.path / DATA_DOCS

    @property
    def index(self) -> Path:
        """The Data Docs page."""
        return self.data_docs / INDEX


@dataclass(frozen=True)
class ValidationFiles:
    """What the folder is made of."""

    report: ValidationReport
    quarantine: pa.Table
    page: str
    """The Data Docs, HTML."""


def is_findings(directory: Path) -> bool:
    """Return whether a directory holds nothing but what a validation leaves."""
    names = {REPORT, QUARANTINE, DATA_DOCS}
    return directory.is_dir() and {path.name for path in directory.iterdir()} <= names


def write_validation(directory: Path, files: ValidationFiles) -> ValidationFolder:
    """Write the folder anew, complete or not at all.

    Args:
        directory: Not there yet, or empty.
        files: What goes into it.

    Returns:
        The folder.

    Raises:
        ValueError: If there is something in the directory already.
    """
    with write_folder(directory) as staging:
        (staging / DATA_DOCS).mkdir()
        report = files.report.model_dump_json(indent=2) + "\n"
        (staging / REPORT).write_text(report, encoding="utf-8")
        pq.write_table(files.quarantine, staging / QUARANTINE)
        (staging / DATA_DOCS / INDEX).write_text(files.page, encoding="utf-8")
    return ValidationFolder.at(directory)
