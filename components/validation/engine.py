"""Great Expectations at work: runs a suite on a frame, and returns figures, rows and rendering.

Imported late and only here, since the import takes seconds.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from components.validation.suites import Check, Suite

RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 10,
    "return_unexpected_index_query": False,
}
"""Defective rows are named by the frame's index. `unexpected_index_column_names` would build a
dictionary for each: that took 16 s of processor time for 150,000 defects, this takes 1 s."""


@dataclass(frozen=True)
class CheckResult:
    """What one expectation found."""

    check: Check
    checked: int
    """Rows that were judged: those with a value."""
    rows: np.ndarray
    """int64 [F], rows of the frame that fail, ascending."""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found, and how Great Expectations renders it."""

    suite: Suite
    results: list[CheckResult] = field(default_factory=list)
    """In no particular order; none if the suite did not run."""
    sections: list[dict[str, Any]] = field(default_factory=list)
    """Great Expectations' rendered document without its overview, as JSON."""


class Engine:
    """An ephemeral context of Great Expectations: nothing is written or sent anywhere."""

    def __init__(self) -> None:
        gx = _import_gx()
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars={"globally": False},
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("histories").add_dataframe_asset("frame")
        self._frames = asset.add_batch_definition_whole_dataframe("whole")

    def run(self, suite: Suite, frame: pd.DataFrame) -> SuiteResult:
        """Judge a frame whose index counts its rows from 0."""
        from great_expectations.render.renderer import ValidationResultsPageRenderer

        batch = self._frames.get_batch(batch_parameters={"dataframe": frame})
        outcome = batch.validate(_build_suite(suite), result_format=RESULT_FORMAT)
        results = [_read_result(result, suite.checks) for result in outcome.results]
        sections = ValidationResultsPageRenderer().render(outcome).to_json_dict()["sections"]
        return SuiteResult(suite, results, sections[1:])


def _import_gx() -> ModuleType:
    """Import Great Expectations, without its telemetry and hundreds of log lines."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations

    return great_expectations


def _build_suite(suite: Suite) -> Any:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationSuite(
        name=suite.name,
        expectations=[
            ExpectationConfiguration(
                type=check.expectation, kwargs=check.arguments, meta={"check": number}
            ).to_domain_obj()
            for number, check in enumerate(suite.checks)
        ],
    )


def _read_result(outcome: Any, checks: Sequence[Check]) -> CheckResult:
    """Take the defective rows out of a result, so that not all of them are rendered."""
    check = checks[outcome.expectation_config.meta["check"]]
    found = outcome.result
    if "element_count" not in found:
        raise RuntimeError(f"{check.expectation} {check.arguments}: {outcome.exception_info}")
    found.pop("unexpected_list", None)
    rows = np.sort(np.array(found.pop("unexpected_index_list", None) or [], np.int64))
    assert len(rows) == found["unexpected_count"], f"{check}: rows and count differ"
    return CheckResult(check, found["element_count"] - found.get("missing_count", 0), rows)
