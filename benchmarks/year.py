"""A simulated year of weekly retrainings: does the model in office stay good, and is it worth it?

    python -m benchmarks.year --json --folder /tmp/year --figure docs/figures/year.svg

Users with drifting tastes leave a file of events a week (`components.histories.simulator_weeks`),
and after each week the pipeline `retrain_persona` runs as a schedule would run it: it skips,
refuses or promotes. Beside the champion, the first model of all answers the same newest questions,
and so do ideal judges. `benchmarks/year.yaml` says how much of everything.

`--folder` holds the state: a killed call goes on with the next week, and `--weeks 0` only tells and
draws what is there. The last line is one JSON object: `num_outcomes`, `quarters` (mean
accuracies, and by how much the champion is ahead of the first model, 95 % intervals by users),
`promotions` (each new champion minus the one that it replaced, on the same questions),
`fell_behind` (one of these intervals is below zero; the exit code is 1 then), and `weeks`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.commit import name_commit
from benchmarks.year_figure import write_year_figure
from benchmarks.year_records import RECORDS, WeekRecord, read_records, summarize_year

CONFIG = Path(__file__).with_suffix(".yaml")
ROOT = Path(__file__).resolve().parents[1]


def run_weeks(config: Path, folder: Path, num_weeks: int) -> None:
    """Run the weeks that are missing, in a process with a ZenML home below the folder.

    Raises:
        subprocess.CalledProcessError: If a run fails; the weeks before it stay.
    """
    folder = folder.resolve()
    environment = {
        **os.environ,
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_LOCAL_STORES_PATH": str(folder / "stores"),
        "ZENML_REPOSITORY_PATH": str(folder / "repository"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "ZENML_LOGGING_COLORS_DISABLED": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "PERSONA_PLUG_USER_HASH_KEY": "of the simulated year",
        "PERSONA_PLUG_CUSTODY": str(folder / "custody"),
        "PERSONA_PLUG_TOMBSTONES": str(folder / "tombstones.parquet"),
    }
    for name in ("ZENML_ACTIVE_STACK_ID", "MLFLOW_TRACKING_URI", "PERSONA_PLUG_STORE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "benchmarks.year_run", str(config.resolve()), str(folder)]
    subprocess.run([*command, str(num_weeks)], cwd=ROOT, env=environment, check=True)


def write_verdict(result: dict[str, Any]) -> str:
    """Return what the year shows, in one sentence."""
    counts, quarters = result["num_outcomes"], result["quarters"]
    trained = sum(counts.get(outcome, 0) for outcome in ("promoted", "refused"))
    said = f"{counts.get('promoted', 0)} of {trained} retrainings were promoted"
    if not quarters:
        return f"{said}; the first model has not been compared yet"
    lead, low, high = (100 * quarters[-1][name] for name in ("lead", "lead_low", "lead_high"))
    span = f"{lead:+.1f} points [{low:+.1f}, {high:+.1f}]"
    behind = "fell" if result["fell_behind"] else "never fell"
    return (
        f"{said}; the champion {behind} behind an earlier one, and in the last quarter is {span} "
        "ahead of the model never retrained"
    )


def print_table(records: list[WeekRecord]) -> None:
    """Print a line a week."""
    names = ("candidate", "champion", "never_retrained", "instruction_only", "without_user")
    print("week  outcome   version " + " ".join(f"{name:>16}" for name in (*names, "bayes")))
    for record in records:
        figures = record.measure()
        shown = " ".join(
            f"{figures[name]:16.3f}" if name in figures else " " * 16 for name in (*names, "bayes")
        )
        print(f"{record.week:4}  {record.outcome:9} {record.champion or '-':>7} {shown}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, default=CONFIG, help="the population and the runs")
    parser.add_argument("--folder", type=Path, help="where the state is kept, and gone on from")
    parser.add_argument("--weeks", type=int, default=52, help="weeks that there are in the end")
    parser.add_argument("--figure", type=Path, help="where the SVG is written")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if given.weeks:
            run_weeks(given.config, folder, given.weeks)
        records = read_records(folder / RECORDS)
    result = summarize_year(records)
    result |= {"config": str(given.config), "commit": name_commit()}
    verdict = write_verdict(result)
    print_table(records)
    print(verdict)
    if given.figure:
        write_year_figure(given.figure, records, verdict)
    if given.json:
        print(json.dumps(result))
    sys.exit(int(result["fell_behind"]))


if __name__ == "__main__":
    main()
