"""The batch job, measured: what a second run encodes, and two processes against one."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from components.encoders.config import EncoderConfig
from components.personas.config import STORE_VARIABLE

ROOT = Path(__file__).resolve().parents[1]


def measure_job(users: list[list[str]], encoder: EncoderConfig) -> dict[str, Any]:
    """Run the job's command on users' texts, one thread a process.

    Args:
        users: The texts of each.
        encoder: The history encoder.

    Returns:
        `first_run_encoded`; `second_run_encoded`, of another run over the same items;
        `two_processes_speedup`, seconds of one process over those of the slower of two that run
        at once, starts and loading not counted.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = [
            {"user_id": f"user {user}", "item_id": f"item {item}", "text": text}
            for user, texts in enumerate(users)
            for item, text in enumerate(texts)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "items.parquet")
        parameters = {"encoder": encoder.model_dump(mode="json")}
        (folder / "run.yaml").write_text(yaml.safe_dump({"parameters": parameters}))
        [first] = run_processes(folder, "alone", 1, "first")
        [second] = run_processes(folder, "alone", 1, "second")
        both = run_processes(folder, "both", 2, "first")
    return {
        "first_run_encoded": first["encoded"],
        "second_run_encoded": second["encoded"],
        "two_processes_speedup": first["seconds"] / max(one["seconds"] for one in both),
    }


def run_processes(folder: Path, store: str, num_processes: int, name: str) -> list[dict[str, Any]]:
    """Run all processes of a job at once; returns their receipts."""
    given = ("--config", "run.yaml", "--custody", f"custody-{store}", "--user-hash-key", "key")
    job = ("-m", "components.embedding", "items.parquet", "--output", "out", *given)
    command = (sys.executable, *job)
    settings = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        STORE_VARIABLE: str(folder / store),
    }
    started = [
        subprocess.Popen(
            [*command, "--name", name, "--of", str(num_processes), "--index", str(index)],
            cwd=folder,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for index in range(num_processes)
    ]
    outputs = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise RuntimeError(f"the batch job failed; run it by hand: {' '.join(command)}")
    return [json.loads(output) for output in outputs]
