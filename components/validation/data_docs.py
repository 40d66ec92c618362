"""Data Docs as one HTML page that needs no network: verdict, rules, Great Expectations' rendering.

Great Expectations' own pages fetch their style sheets and scripts from the network, and carry the
time of the run. So its rendered document (sections of tables of templates) is taken, and its HTML
written here: the same histories give the same page.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from components.validation.config import PersonalDataAction, ValidationConfig
from components.validation.engine import SuiteResult
from components.validation.report import NOUNS, ValidationReport, format_share

TEMPLATES = Path(__file__).parent / "templates"
PASSED, FAILED = "\u2705", "\u274c"
"""The marks that Great Expectations gives to an expectation that is met or not."""
PARAMETER = re.compile(r"\$(\w+)")


AFTER_PERSONAL_DATA: dict[PersonalDataAction, str] = {
    "report": "It is passed on as it came (validation.personal_data: report).",
    "mask": "Each find is replaced by its kind in what is passed on.",
    "refuse": "Rows that hold any are defective (validation.personal_data: refuse).",
}


def render_data_docs(
    report: ValidationReport, suites: Sequence[SuiteResult], config: ValidationConfig
) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = format_share
    ran = [suite for suite in suites if suite.results]
    return environment.get_template("data_docs_page.html").render(
        report=report,
        nouns=NOUNS,
        personal_data=AFTER_PERSONAL_DATA[config.personal_data],
        suites=[
            {"name": suite.suite.name.replace("_", " "), "rows": _list_rows(suite)} for suite in ran
        ],
    )


def _list_rows(suite: SuiteResult) -> list[dict[str, Any]]:
    """Return Great Expectations' rows: what they are about, the mark, and two cells of HTML."""
    rows = []
    for section in suite.sections:
        for block in section["content_blocks"]:
            if block["content_block_type"] != "table":
                continue
            for mark, expectation, observed in block["table"]:
                rows.append(
                    {
                        "about": section["section_name"],
                        "passed": _is_passed(mark),
                        "expectation": render_content(expectation),
                        "observed": render_content(observed),
                    }
                )
    return rows


def _is_passed(mark: dict[str, Any]) -> bool:
    return mark["string_template"]["params"]["markdown_status_icon"] == PASSED


def render_content(content: Any) -> Markup:
    """Return a piece of Great Expectations' rendered document as HTML, all values escaped."""
    if isinstance(content, list):
        return Markup("").join(render_content(part) for part in content)
    if not isinstance(content, dict):
        return escape(str(content))
    kind = content["content_block_type"]
    if kind == "string_template":
        return _render_template(content["string_template"])
    if kind == "table":
        return _render_table(content)
    raise ValueError(f"Great Expectations rendered a {kind!r}; string_template and table are known")


def _render_template(template: dict[str, Any]) -> Markup:
    """Fill a template; only the parameters that it names are shown, as code."""
    parameters = template.get("params") or {}
    pieces = PARAMETER.split(template["template"].strip())
    filled = [
        Markup("<code>{}</code>").format(parameters[piece])
        if number % 2 and piece in parameters
        else escape(f"${piece}" if number % 2 else piece)
        for number, piece in enumerate(pieces)
    ]
    return Markup("<p>{}</p>").format(Markup("").join(filled))


def _render_table(content: dict[str, Any]) -> Markup:
    cell, row = Markup("<td>{}</td>"), Markup("<tr>{}</tr>")
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in content["header_row"])
    body = Markup("").join(
        row.format(Markup("").join(cell.format(_render_value(value)) for value in values))
        for values in content["table"]
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _render_value(value: Any) -> Markup:
    """Return an unexpected value; a pair or a key of several columns with commas between."""
    if isinstance(value, list | tuple):
        return Markup(", ").join(escape(str(part)) for part in value)
    return render_content(value)
