"""The outcome of a validation as figures: every rule, every table's counts, one sentence."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.validation.config import Rule, Severity

TableName = Literal["items", "questions", "history_links"]
Status = Literal["passed", "failed", "not_checkable"]

NOUNS: dict[TableName, str] = {
    "items": "history items",
    "questions": "questions",
    "history_links": "history links",
}
MAX_IDS = 3


class Outcome(BaseModel):
    """A frozen part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleResult(Outcome):
    """What one rule found in one table."""

    rule: Rule
    table: TableName
    severity: Severity
    status: Status = Field(description="failed: at least one row fails; see also `stops`.")
    checked: int = Field(ge=0, description="Rows that the rule could judge; columns for schema.")
    failed: int = Field(ge=0, description="Rows (columns for schema) that fail.")
    share: float = Field(ge=0, le=1, description="Failed among checked; 0 if none was checked.")
    threshold: float = Field(description="Largest share of failed rows with which a run goes on.")
    ids: tuple[str, ...] = Field((), max_length=MAX_IDS, description="The first rows that fail.")
    reason: str = Field("", description="What is wrong, or why the rule could not be checked.")

    @property
    def stops(self) -> bool:
        """Whether the run must not go on."""
        return self.severity == "critical" and self.share > self.threshold

    @property
    def warns(self) -> bool:
        """Whether rows fail that are kept all the same."""
        return self.severity == "warning" and self.status == "failed"

    def describe(self) -> str:
        """Return rule, count, share, threshold and ids as half a sentence."""
        rows = "columns of table " + self.table if self.rule == "schema" else NOUNS[self.table]
        return (
            f"rule {self.rule!r} fails for {self.failed:,} of {self.checked:,} {rows} "
            f"(share {self.share:.4g}, threshold {self.threshold:.4g}): {self.reason}; "
            f"for example {', '.join(self.ids)}"
        )


class TableCounts(Outcome):
    """Where the rows of one table went: every row is kept or in quarantine."""

    table: TableName
    counts_in: int = Field(ge=0)
    kept: int = Field(ge=0)
    quarantined: int = Field(ge=0)

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        assert self.counts_in == self.kept + self.quarantined, f"{self} does not add up"
        return self


class PersonalDataCount(Outcome):
    """Personal data of one kind in one table."""

    table: TableName
    kind: str
    rows: int = Field(ge=1, description="Rows with any.")
    finds: int = Field(ge=1, description="How many.")


class ValidationReport(Outcome):
    """What was checked and found; ids are shown, texts never."""

    schema_version: Literal[2] = 2
    task: str
    verdict: str = Field(description="One sentence.")
    rules: tuple[RuleResult, ...]
    counts: tuple[TableCounts, ...] = Field(
        description="Rows by table; none where a wrong schema kept rows from being judged."
    )

    personal_data: tuple[PersonalDataCount, ...] = Field(
        description="What was found by kind; a masked run's histories hold it no longer."
    )

    @property
    def worst_first(self) -> tuple[RuleResult, ...]:
        """The rules that stop, those that took rows out, that warn, passed, were not checkable."""
        return tuple(sorted(self.rules, key=_rank))

    @property
    def stopping(self) -> tuple[RuleResult, ...]:
        """The rules that stop the run; none if it may go on."""
        return tuple(result for result in self.rules if result.stops)


class UnsoundHistoriesError(ValueError):
    """Histories are too defective to go on with; carries the report that says why."""

    def __init__(self, report: ValidationReport) -> None:
        found = "; ".join(result.describe() for result in report.stopping)
        super().__init__(f"the histories of task {report.task} are not sound: {found}")
        self.report = report


def write_report(
    task: str,
    rules: tuple[RuleResult, ...],
    counts: tuple[TableCounts, ...],
    personal_data: tuple[PersonalDataCount, ...],
) -> ValidationReport:
    """Put the figures together under a verdict."""
    return ValidationReport(
        task=task,
        verdict=write_verdict(rules, counts),
        rules=rules,
        counts=counts,
        personal_data=personal_data,
    )


def write_verdict(rules: tuple[RuleResult, ...], counts: tuple[TableCounts, ...]) -> str:
    """Say in one sentence whether the histories are sound."""
    stopping = [result for result in rules if result.stops]
    if stopping:
        also = f" ({len(stopping) - 1} more above theirs)" if len(stopping) > 1 else ""
        return f"The run stops: {stopping[0].describe()}{also}."
    beside = _describe_beside(rules)
    lost = [count for count in counts if count.quarantined]
    if lost:
        rows = _enumerate([_describe_lost(count) for count in lost])
        return f"The histories can be used: {rows} went to quarantine, all else is kept{beside}."
    rows = _enumerate([f"{count.counts_in:,} {NOUNS[count.table]}" for count in counts])
    if any(result.warns for result in rules):
        return f"The histories can be used: all {rows} are kept{beside}."
    return f"The histories are sound: {rows} pass every rule that could be checked{beside}."


def _describe_lost(count: TableCounts) -> str:
    share = format_share(count.quarantined / count.counts_in)
    return f"{count.quarantined:,} of {count.counts_in:,} {NOUNS[count.table]} ({share})"


def _describe_beside(rules: tuple[RuleResult, ...]) -> str:
    """Name the rules that warn, and count the checks that were not possible."""
    warning = [
        f"{result.rule!r} for {result.failed:,} of {result.checked:,} {NOUNS[result.table]}"
        for result in rules
        if result.warns
    ]
    beside = f"; rules that warn: {_enumerate(warning)}" if warning else ""
    unchecked = sum(result.status == "not_checkable" for result in rules)
    checks = "1 check was" if unchecked == 1 else f"{unchecked} checks were"
    return beside + (f"; {checks} not possible" if unchecked else "")


def _rank(result: RuleResult) -> int:
    if result.status != "failed":
        return 3 if result.status == "passed" else 4
    return 0 if result.stops else 2 if result.warns else 1


def format_share(share: float) -> str:
    """Return a share from 0 to 1 as per cent, never "0 %" for what is not zero."""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    percent = f"{100 * share:.{2 if share < 0.1 else 1}f}"
    return f"{percent.rstrip('0').rstrip('.')} %"


def _enumerate(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
