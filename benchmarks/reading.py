"""How much memory and time the reading of a large LaMP file takes.

    python -m benchmarks.reading --megabytes 400 --json

writes train questions as large as the benchmark's largest into a temporary folder, reads them in a
fresh process, and prints as the last line `file_bytes`, `peak_bytes` (the most memory of that
process) and `seconds` (of the reading alone). The folder takes about five times the file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from components.tasks.lamp import LAMP_3

ROOT = Path(__file__).resolve().parents[1]
ITEMS_PER_PROFILE = 185  # as in LaMP_3
TEXT = "A review of middle length that says what was good, and at length what was not. " * 9
READ = """
import json, sys, time
from pathlib import Path
from benchmarks.peak_memory import read_peak_bytes
from components.histories.config import DataConfig, LampConfig
from components.histories.read import read_histories
from components.tasks.lamp import LAMP_3

folder = Path(sys.argv[1])
config = DataConfig(source="lamp", lamp=LampConfig(folder=folder))
started = time.perf_counter()
histories = read_histories(config, LAMP_3, 0, folder / "tables")
seconds = time.perf_counter() - started
peak = read_peak_bytes()
print(json.dumps([len(histories.questions), len(histories.items), peak, seconds]))
"""


class Reading(NamedTuple):
    """What was read, and what it took."""

    num_questions: int
    num_items: int
    peak_bytes: int
    seconds: float


def write_large_split(folder: Path, file_bytes: int) -> int:
    """Write LaMP_3's train questions of users without ids, no item twice; returns how many."""
    golds: list[dict[str, str]] = []
    size = 0
    bar = tqdm(total=file_bytes, desc="writing", unit="B", unit_scale=True)
    with (folder / "train_questions.json").open("w", encoding="utf-8") as file, bar:
        while size < file_bytes:
            number = len(golds)
            profile = [
                {
                    "id": f"{number}-{item}",
                    "text": f"{number} {item} {TEXT}",
                    "score": "3",
                    "date": f"20{item % 20:02d}-01-01",
                }
                for item in range(ITEMS_PER_PROFILE)
            ]
            prompt = LAMP_3.render_prompt(TEXT)
            question = {"id": str(number), "input": prompt, "profile": profile}
            written = file.write(("," if number else "[") + json.dumps(question))
            size += written
            bar.update(written)
            golds.append({"id": str(number), "output": "2"})
        file.write("]")
    outputs = json.dumps({"task": LAMP_3.name, "golds": golds})
    (folder / "train_outputs.json").write_text(outputs, encoding="utf-8")
    return len(golds)


def read_in_fresh_process(folder: Path) -> Reading:
    """Read the folder's split in a process of its own; its tables come to lie there too."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        cwd=ROOT,  # from where it imports
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Reading(*json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--megabytes", type=int, default=400, help="size of the questions file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        num_questions = write_large_split(folder, given.megabytes * 1_000_000)
        file_bytes = (folder / "train_questions.json").stat().st_size
        reading = read_in_fresh_process(folder)
    if (reading.num_questions, reading.num_items) != (
        num_questions,
        num_questions * ITEMS_PER_PROFILE,
    ):
        raise RuntimeError(f"{num_questions} questions were written, but what was read: {reading}")
    result = {
        "file_bytes": file_bytes,
        "peak_bytes": reading.peak_bytes,
        "seconds": round(reading.seconds, 1),
    }
    print(json.dumps(result) if given.json else result)


if __name__ == "__main__":
    main()
