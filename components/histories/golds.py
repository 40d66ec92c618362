"""Writing outputs in the benchmark's file shape, which golds and predictions share."""

import json
from collections.abc import Iterable
from pathlib import Path


def write_golds(path: Path, task_name: str, golds: Iterable[tuple[str, str]]) -> None:
    """Write {"task": ..., "golds": [{"id": ..., "output": ...}]}, one gold a line.

    The golds are written as they come, and the file appears complete or not at all.

    Args:
        path: The file; its folder is made, and a file that is there gives way.
        task_name: The benchmark's name of the task.
        golds: Ids of questions and their outputs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(f'{{"task": {json.dumps(task_name)}, "golds": [')
            for number, (question_id, output) in enumerate(golds):
                gold = json.dumps({"id": question_id, "output": output})
                file.write(f"{',' if number else ''}\n{gold}")
            file.write("\n]}\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
