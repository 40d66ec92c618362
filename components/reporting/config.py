"""Settings of the reports."""

from pathlib import Path

from pydantic import Field

from components.config import Config


class ReportConfig(Config):
    """Where reports go, and whether they show texts of users."""

    folder: Path = Field(
        Path("reports"),
        description="Folder of all runs' reports; a relative one lies in the repository's root.",
    )
    show_texts: bool = Field(
        False,
        description=(
            "Whether texts of users may stand in reports, in ZenML's and MLflow's copies too. If "
            "so, the evaluation page shows ten questions that persona helped most and ten that it "
            "hurt most, with inputs, outputs and the history items that weighed most; and an "
            "output that is none of its task's labels stands in the Data Docs as it came, instead "
            "of its length. If not, no report holds any text of a user."
        ),
    )
