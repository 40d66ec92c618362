"""Settings of the reports."""

from pathlib import Path

from pydantic import Field

from components.config import Config


class ReportConfig(Config):
    """Where reports go."""

    folder: Path = Field(
        Path("reports"),
        description="Folder of all runs' reports; a relative one lies in the repository's root.",
    )
