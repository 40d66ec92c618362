"""The table of what is proven, what is only rendered and what was not run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.manifests.findings import Findings
from infra.manifests.objects import find_pod
from infra.manifests.pod_policies import shows_run_token
from infra.manifests.render import plain_name
from infra.manifests.schemas import VERSIONS

PROVEN, RENDERED_ONLY, NOT_RUN, WRONG = "proven", "rendered only", "not run", "WRONG"
TOKEN_SHOWN = "proven, but its ZenML token is in clear"
BEGIN, END = "<!-- begin of make check-manifests -->", "<!-- end of make check-manifests -->"
HEAD = (
    "| object | of | schemas | Pod Security | result |",
    "|---|---|---|---|---|",
)


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        name: Kind and name, or what was not run.
        of: Where it is from, as `kind, gpu`.
        schemas: Which it follows.
        pod_security: Which standard its pods follow.
        result: One of the five.
    """

    name: str
    of: str
    schemas: str
    pod_security: str
    result: str

    def __str__(self) -> str:
        return f"| {' | '.join(self)} |"


def make_rows(checked: Iterable[tuple[str, Findings]], not_run: Sequence[str]) -> list[Row]:
    """Return the table's lines, an object of several clusters once, sorted by kind and name.

    Args:
        checked: What was found, and in which cluster.
        not_run: What else there is.
    """
    groups: dict[str, dict[str, Findings]] = {}
    for cluster, findings in checked:
        groups.setdefault(plain_name(findings.thing), {})[cluster] = findings
    rows = sorted(_make_row(name, group) for name, group in groups.items())
    return [*rows, *(Row(name, "-", "-", "-", NOT_RUN) for name in not_run)]


def _make_row(name: str, group: Mapping[str, Findings]) -> Row:
    """Return the line of an object, by what was found in each cluster: one wrong is wrong."""
    of, (findings, *_) = ", ".join(group), group.values()
    if any(one.violations for one in group.values()):
        return Row(name, of, "see below", "see below", WRONG)
    schemas = "none" if findings.schema is None else f"{VERSIONS[0]} to {VERSIONS[-1]}"
    restricted = "no pods" if findings.pod_security is None else "restricted"
    return Row(name, of, schemas, restricted, _judge(findings))


def _judge(findings: Findings) -> str:
    """Return the word for an object with which nothing is wrong."""
    if findings.schema is None:
        return RENDERED_ONLY
    pod = find_pod(findings.thing)
    return TOKEN_SHOWN if pod is not None and shows_run_token(pod) else PROVEN


def make_table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, with the verdict in one sentence below."""
    return "\n".join((*HEAD, *map(str, rows), "", make_verdict(rows)))


def make_verdict(rows: Sequence[Row]) -> str:
    """Return the verdict in one sentence."""
    counts = Counter(row.result for row in rows)
    wrong, shown = counts[WRONG], counts[TOKEN_SHOWN]
    standing = f"{wrong} objects are wrong" if wrong else "No object is wrong"
    return (
        f"{standing}: {counts[PROVEN] + shown} are proven against the schemas of Kubernetes "
        f"{', '.join(VERSIONS)}, Pod Security `restricted` and our policies, {shown} of them but "
        f"for ZenML's token of the run, {counts[RENDERED_ONLY]} are only rendered, "
        "and nothing was applied to a cluster."
    )


def is_current(document: Path, table: str) -> bool:
    """Tell whether a document holds this table."""
    return f"{BEGIN}\n{table}\n{END}" in document.read_text("utf-8")


def write_table(document: Path, table: str) -> None:
    """Put the table in place of the one that a document holds.

    Raises:
        ValueError: If it has no place for one.
    """
    text = document.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document}: expected the lines {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
