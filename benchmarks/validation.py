"""How much memory and time the validation of large histories takes.

    python -m benchmarks.validation --items 1000000 --json

writes invented histories of a text task (50 items a user, a question for every fifth item, with
all that its user did before) into a temporary folder, validates them in a fresh process with every
rule, and prints as the last line `items`, `questions`, `links`, `seconds` (of the validation, its
imports and the sound tables it writes) and `peak_bytes` (the most memory of that process). Some
rows are planted defects; the counts show that they were found. The folder takes about 2 GB a
million items.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, write_histories
from components.tasks.lamp import LAMP_4
from components.user_hash import KEY_VARIABLE, hash_user
from components.validation.tombstones import write_tombstones

ROOT = Path(__file__).resolve().parents[1]
ITEMS_PER_USER = 50
QUESTION_EVERY = 5
NUM_USERS_PER_PIECE = 200
NUM_WORDS = 50_000
WORDS_PER_TEXT, WORDS_PER_OUTPUT = 33, 9
START = np.datetime64("2015-01-01", "s")
KEY = "benchmark"
VALIDATE = """
import json, os, sys, time
from pathlib import Path

started = time.perf_counter()
from benchmarks.peak_memory import read_peak_bytes
from components.histories.tables import Histories
from components.tasks.lamp import LAMP_4
from components.validation.config import ValidationConfig
from components.validation.tombstones import find_erased_users
from components.validation.validate import validate_histories

folder = Path(sys.argv[1])
config = ValidationConfig.model_validate({
    "tombstones": folder / "tombstones.parquet",
    "thresholds": {"erased_users": 1, "personal_data": 1},
    "personal_data": "mask",
})
erased = find_erased_users(config, folder / "key")
histories = Histories.at(folder / "raw")
outcome = validate_histories(histories, LAMP_4, config, folder, erased=erased)
seconds = time.perf_counter() - started
peak = read_peak_bytes()
counts = {count.table: count.counts_in for count in outcome.report.counts}
found = {f"{rule.rule} ({rule.table})": rule.failed for rule in outcome.report.rules if rule.failed}
print(json.dumps({
    "items": counts["items"], "questions": counts["questions"], "links": counts["history_links"],
    "seconds": seconds, "peak_bytes": peak, "found": found,
}))
"""


def write_large_histories(folder: Path, num_items: int) -> None:
    """Write invented histories to `folder/raw`, and a tombstone of one user."""
    users = range(0, max(num_items // ITEMS_PER_USER, 1), NUM_USERS_PER_PIECE)
    num_users = max(num_items // ITEMS_PER_USER, 1)
    bounds = [(first, min(first + NUM_USERS_PER_PIECE, num_users)) for first in users]
    items = (_invent_items(*bound) for bound in tqdm(bounds, desc="items"))
    questions = (_invent_questions(*bound) for bound in tqdm(bounds, desc="questions"))
    write_histories(folder / "raw", items, questions)
    erased = {hash_user(_name_user(0), KEY.encode()): datetime.now(UTC)}
    write_tombstones(folder / "tombstones.parquet", erased, KEY.encode())


def _invent_items(first_user: int, end_user: int) -> pa.Table:
    rows = np.arange(first_user * ITEMS_PER_USER, end_user * ITEMS_PER_USER)
    random = np.random.default_rng(first_user)
    texts = _invent_texts(random, len(rows), WORDS_PER_TEXT)
    texts[1] = texts[0].upper()  # a copy within a user
    texts[2] += " Call +44 20 7946 0958."
    outputs = _invent_texts(random, len(rows), WORDS_PER_OUTPUT)
    columns = {
        "user_id": [_name_user(row // ITEMS_PER_USER) for row in rows.tolist()],
        "item_id": [f"item-{row}" for row in rows],
        "time": START + rows % ITEMS_PER_USER * np.timedelta64(86_400, "s"),
        "text": [f"{title} {text}" for title, text in zip(outputs, texts, strict=True)],
        "input": texts,
        "output": outputs,
    }
    return pa.table(columns, schema=ITEM_SCHEMA)


def _invent_questions(first_user: int, end_user: int) -> pa.Table:
    random = np.random.default_rng([first_user, 1])
    places = range(QUESTION_EVERY - 1, ITEMS_PER_USER, QUESTION_EVERY)
    asked = [(user, place) for user in range(first_user, end_user) for place in places]
    payloads = _invent_texts(random, len(asked), WORDS_PER_TEXT)
    # Up to and with the item of the same day: a link too late for one question in ten.
    ends = [
        user * ITEMS_PER_USER + place + (number % 10 == 0)
        for number, (user, place) in enumerate(asked)
    ]
    columns = {
        "question_id": [f"question-{user}-{place}" for user, place in asked],
        "user_id": [_name_user(user) for user, _ in asked],
        "split": ["test" if place == places[-1] else "train" for _, place in asked],
        "time": START + np.array([place for _, place in asked]) * np.timedelta64(86_400, "s"),
        "input": [LAMP_4.render_prompt(text) for text in payloads],
        "payload": payloads,
        "output": _invent_texts(random, len(asked), WORDS_PER_OUTPUT),
        "history": [
            np.arange(user * ITEMS_PER_USER, end, dtype=np.int32)
            for (user, _), end in zip(asked, ends, strict=True)
        ],
    }
    return pa.table(columns, schema=QUESTION_SCHEMA)


def _invent_texts(random: np.random.Generator, num_texts: int, num_words: int) -> list[str]:
    words = random.integers(NUM_WORDS, size=(num_texts, num_words))
    return [" ".join(f"w{word}" for word in row) for row in words.tolist()]


def _name_user(user: int) -> str:
    return f"user-{user:08d}"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=1_000_000, help="history items")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        write_large_histories(Path(temporary), arguments.items)
        outcome = subprocess.run(
            [sys.executable, "-c", VALIDATE, temporary],
            cwd=ROOT,
            env={**os.environ, KEY_VARIABLE: KEY},
            stdout=subprocess.PIPE,
            check=True,
        )
    figures = json.loads(outcome.stdout.splitlines()[-1])
    print(
        f"{figures['items']:,} items in {figures['seconds']:.1f} s, "
        f"{figures['peak_bytes'] / 1e6:,.0f} MB"
    )
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
