"""The Data Docs page: GX's rendered content becomes escaped HTML, and nothing is fetched."""

import re
from pathlib import Path
from typing import Any

import pytest

from components.validation.config import ValidationConfig
from components.validation.data_docs import render_content
from components.validation.validate import validate_histories
from tests.components.validation.histories import SCORE, make_rows, write


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("5 < 6", "5 &lt; 6"),
        (
            {
                "content_block_type": "string_template",
                "string_template": {
                    "template": "\n\nvalues of $column cost $5 at $most",
                    "params": {"column": "<a>", "unused": "not shown"},
                },
            },
            "<p>values of <code>&lt;a&gt;</code> cost $5 at $most</p>",
        ),
        (
            {
                "content_block_type": "table",
                "header_row": ["Unexpected Value", "Count"],
                "table": [[("<i>", "b"), 2], ["", 1]],
            },
            "<table><thead><tr><th>Unexpected Value</th><th>Count</th></tr></thead>"
            "<tbody><tr><td>&lt;i&gt;, b</td><td>2</td></tr>"
            "<tr><td></td><td>1</td></tr></tbody></table>",
        ),
        (["a", ["b", 1]], "ab1"),
    ],
)
def test_rendered_content_becomes_html(content: Any, html: str) -> None:
    assert render_content(content) == html


def test_unknown_content_is_refused() -> None:
    with pytest.raises(ValueError, match="rendered a 'graph'"):
        render_content({"content_block_type": "graph"})


def test_the_page_begins_with_the_verdict_and_needs_no_network(tmp_path: Path) -> None:
    rows = make_rows()
    rows.items[0]["input"] = ""
    config = ValidationConfig.model_validate({"thresholds": {"emptiness": 0.5}})
    outcome = validate_histories(write(tmp_path / "in", rows), SCORE, config, tmp_path / "out")
    page = (outcome.folder.data_docs / "index.html").read_text("utf-8")
    parts = [
        outcome.report.verdict,
        "<h2>Rules</h2>",
        "ann/i0",
        "<h2>Where the rows went</h2>",
        "<h2>Great Expectations' own rendering</h2>",
        "values must be greater than or equal to <code>1.0</code>",
        "unexpected values found",
    ]
    positions = [page.index(part) for part in parts]
    assert positions == sorted(positions)
    assert page.count(">not met<") == 1
    # 2 of columns, 17 of items, 21 of questions and 2 of history links, less the one above.
    assert page.count(">met<") == 41
    assert (
        "before its question; the same second, or day" in page
    )  # our own expectations say it in our own words
    assert not re.search(r"<(script|link|img)|https?:|@import|url\(", page)
