"""Great Expectations at work: runs a suite on frames, and returns figures, rows and rendering.

A table is judged in batches, one frame after another, whose results add up: every expectation is
about rows, and what takes more than one row to tell was flagged before. So memory doesn't grow
with the table. Great Expectations is imported late and only here, since that takes seconds.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from components.validation.suites import Check, Suite

NUM_SAMPLES = 10
RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": NUM_SAMPLES,
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
    """int64 [F], rows of the table that fail, ascending."""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found, and how Great Expectations renders it."""

    suite: Suite
    results: list[CheckResult] = field(default_factory=list)
    """In the suite's order; none if the suite did not run."""
    sections: list[dict[str, Any]] = field(default_factory=list)
    """Great Expectations' rendered document without its overview, as JSON."""


class Engine:
    """An ephemeral context of Great Expectations: nothing is written or sent anywhere."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
        )

        import components.validation.expectations  # noqa: F401  registers ours

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars={"globally": False},
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("histories").add_dataframe_asset("frame")
        self._frames = asset.add_batch_definition_whole_dataframe("whole")

    def run(self, suite: Suite, frames: Iterable[pd.DataFrame]) -> SuiteResult:
        """Judge the frames of a table, at least one; their index is the row's number in it."""
        from great_expectations.render.renderer import ValidationResultsPageRenderer

        expectations = _build_suite(suite)
        sums = [_Sum(check) for check in suite.checks]
        for frame in frames:
            batch = self._frames.get_batch(batch_parameters={"dataframe": frame})
            outcome = batch.validate(expectations, result_format=RESULT_FORMAT)
            for result in outcome.results:
                sums[result.expectation_config.meta["check"]].add(result)
        for result in outcome.results:
            sums[result.expectation_config.meta["check"]].write_into(result)
        sections = ValidationResultsPageRenderer().render(outcome).to_json_dict()["sections"]
        return SuiteResult(suite, [found.result() for found in sums], sections[1:])


class _Sum:
    """What one expectation found in all batches so far."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._num_rows = 0
        self._num_missing = 0
        self._rows: list[np.ndarray] = []
        self._samples: list[Any] = []

    def add(self, outcome: Any) -> None:
        found = outcome.result
        if "element_count" not in found:
            check = self._check
            raise RuntimeError(f"{check.expectation} {check.arguments}: {outcome.exception_info}")
        rows = np.sort(np.array(found.get("unexpected_index_list") or [], np.int64))
        assert len(rows) == found["unexpected_count"], f"{self._check}: rows and count differ"
        self._num_rows += found["element_count"]
        self._num_missing += found.get("missing_count", 0)
        self._rows.append(rows)
        if len(self._samples) < NUM_SAMPLES:
            self._samples += found.get("partial_unexpected_list", [])

    def write_into(self, outcome: Any) -> None:
        """Put the sums in the place of a batch's figures, and no more: all is rendered."""
        found = self.result()
        failed = len(found.rows)
        percent = 100 * failed / found.checked if found.checked else 0.0
        samples = self._samples[:NUM_SAMPLES] if self._check.shows_values else []
        outcome.success = not failed
        outcome.result = {
            "element_count": self._num_rows,
            "missing_count": self._num_missing,
            "missing_percent": 100 * self._num_missing / self._num_rows if self._num_rows else 0.0,
            "unexpected_count": failed,
            "unexpected_percent": percent,
            "unexpected_percent_nonmissing": percent,
            "unexpected_percent_total": 100 * failed / self._num_rows if self._num_rows else 0.0,
            "partial_unexpected_list": samples,
        }

    def result(self) -> CheckResult:
        checked = self._num_rows - self._num_missing
        return CheckResult(self._check, checked, np.concatenate(self._rows))


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
