"""Settings of the reports."""

from pydantic import Field

from components.config import Config


class ReportConfig(Config):
    """What a report may show."""

    show_texts: bool = Field(
        False, description="Whether users' texts may stand in reports; ids may in any case."
    )
