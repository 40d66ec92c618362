"""The benchmark's questions files of hundreds of megabytes are read in a small part of that."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILE_BYTES = 400_000_000
ITEMS_PER_PROFILE = 185  # as in LaMP_3
MOST_BYTES = 500_000_000
READ = """
import sys
from pathlib import Path
from components.histories.config import DataConfig, LampConfig
from components.histories.read import read_histories
from components.tasks.lamp import LAMP_3

folder = Path(sys.argv[1])
config = DataConfig(source="lamp", lamp=LampConfig(folder=folder))
histories = read_histories(config, LAMP_3, 0, folder / "tables")
print(len(histories.questions), len(histories.items))
"""
# The most memory of this program, unlike ru_maxrss not of the one that started it.
READ += 'print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])'


def write_large_split(folder: Path) -> int:
    """Write train questions of users without ids, no item twice; returns how many."""
    text = "A review of middle length that says what was good, and at length what was not. " * 9
    outputs = []
    size = 0
    with (folder / "train_questions.json").open("w") as file:
        while size < FILE_BYTES:
            number = len(outputs)
            profile = [
                {
                    "id": f"{number}-{item}",
                    "text": f"{number} {item} {text}",
                    "score": "3",
                    "date": f"20{item % 20:02d}-01-01",
                }
                for item in range(ITEMS_PER_PROFILE)
            ]
            question = {"id": str(number), "input": f"review: {text}", "profile": profile}
            size += file.write(("," if number else "[") + json.dumps(question))
            outputs.append({"id": str(number), "output": "2"})
        file.write("]")
    golds = json.dumps({"task": "LaMP_3", "golds": outputs})
    (folder / "train_outputs.json").write_text(golds)
    return len(outputs)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the memory")
def test_a_file_of_400_mb_is_read_in_less_than_500_mb(tmp_path: Path) -> None:
    try:
        num_questions = write_large_split(tmp_path)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        shown = subprocess.run(
            [sys.executable, "-c", READ, str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        shutil.rmtree(tmp_path)  # two gigabytes
    *counts, peak_kilobytes = map(int, shown.stdout.split())
    assert counts == [num_questions, num_questions * ITEMS_PER_PROFILE]
    assert peak_kilobytes * 1024 < MOST_BYTES
