"""Settings of the reports."""

from pathlib import Path

from pydantic import Field

from components.config import Config


class ReportConfig(Config):
    """Where reports go, and what they may show."""

    folder: Path = Field(
        Path("reports"),
        description="Folder of all runs' reports; a relative one lies in the repository's root.",
    )
    show_texts: bool = Field(
        False,
        description="Whether users' texts, such as unknown labels, may stand in the Data Docs.",
    )
