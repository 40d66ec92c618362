"""Settings of the reports."""

from pathlib import Path

from pydantic import Field

from components.config import Config


class ReportConfig(Config):
    """Where reports go, and whether the Data Docs in them show unknown labels."""

    folder: Path = Field(
        Path("reports"),
        description="Folder of all runs' reports; a relative one lies in the repository's root.",
    )
    show_texts: bool = Field(
        False,
        description=(
            "Whether an output that is none of its task's labels may stand in the Data Docs as it "
            "came, instead of its length. The readers stop a run at such an output, so it matters "
            "for tables that were made elsewhere. No report shows any other text of a user."
        ),
    )
