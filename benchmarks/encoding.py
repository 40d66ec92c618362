"""How fast histories are encoded on a CPU, and how faithful the fast back ends are.

    python -m benchmarks.encoding --histories data/critic_reviews.jsonl.gz --json

encodes the texts of whole users, on one thread, in turns: by one `SentenceTransformer.encode` call
for each user, by one for all texts, by our loop on float32, and by our loop on every other back
end that can be had here. The last line is one JSON object: `speedup_vs_loop` (over a call for each
user) and `speedup_vs_one_call` are float32's; `fast_backend` is the fastest faithful other back
end, `fast_speedup` is over one call, `fast_cosine_p01` the 1st percentile of the cosine to the
vectors of one call. Ratios are of the process's CPU seconds, each the median over rounds of the
ratio within a round; `wall` has the same of the clock. Every back end's figures are in `back_ends`,
or why it cannot be had. Then the batch job fills a store: `second_run_encoded` is what another run
over the same items encodes, `two_processes_speedup` says what a second core brings. Without
`--histories` texts of random words of the same lengths are read.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread each; read when it is imported

import numpy as np
import torch

from benchmarks.embedding_job import measure_job
from components.encoders.config import REFERENCE, EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.parity import measure_cosine_p01
from components.encoders.sentence_encoder import load_history_encoder, load_sentence_encoder
from components.histories.source_files import read_rows

BACK_ENDS = (
    {"precision": "bfloat16"},
    {"backend": "openvino", "precision": "float32"},
    {"backend": "openvino", "precision": "bfloat16"},
    {"backend": "openvino", "precision": "int8"},
)
LOOP, ONE_CALL = "loop", "one_call"
ITEMS_PER_USER = 20
MEAN_WORDS, SPREAD_WORDS, MOST_WORDS = 22, 9, 60

Way = Callable[[], np.ndarray]
Seconds = dict[str, list[tuple[float, float]]]
"""By way of encoding, each round's seconds: of the process's CPU, of the clock."""


def read_users(path: Path, user: str, field: str, num_texts: int) -> list[list[str]]:
    """Return the distinct texts of users drawn at random, until there are enough texts."""
    histories: dict[str, dict[str, None]] = {}
    for _, row in read_rows(path):
        histories.setdefault(str(row[user]), {})[str(row[field])] = None
    names = sorted(histories)
    seen: set[str] = set()
    users = []
    for place in np.random.default_rng(0).permutation(len(names)):
        texts = [text for text in histories[names[place]] if text not in seen]
        texts = texts[: num_texts - len(seen)]
        seen.update(texts)
        users.append(texts)
        if len(seen) == num_texts:
            break
    return [texts for texts in users if texts]


def invent_users(words: list[str], num_texts: int) -> list[list[str]]:
    """Invent texts of random words, as long as film reviews are."""
    random = np.random.default_rng(0)
    lengths = random.normal(MEAN_WORDS, SPREAD_WORDS, num_texts).clip(1, MOST_WORDS).astype(int)
    texts = [" ".join(random.choice(words, size=length)) for length in lengths]
    return [texts[at : at + ITEMS_PER_USER] for at in range(0, num_texts, ITEMS_PER_USER)]


def build_ways(
    users: list[list[str]], config: EncoderConfig
) -> tuple[dict[str, Way], dict[str, str]]:
    """Return what encodes all texts in their order, by name, and which back ends cannot be had."""
    texts = [text for history in users for text in history]
    plain = load_sentence_encoder(config)

    def call(given: list[str]) -> np.ndarray:
        made: np.ndarray = plain.encode(given, normalize_embeddings=True, show_progress_bar=False)
        return made

    def encode_by(settings: EncoderConfig) -> Way:
        encoder = load_history_encoder(settings)
        return lambda: encode_texts(encoder, texts, settings)

    ways: dict[str, Way] = {
        LOOP: lambda: np.concatenate([call(history) for history in users]),
        ONE_CALL: lambda: call(texts),
        REFERENCE: encode_by(config),
    }
    missing = {}
    for changes in BACK_ENDS:
        settings = config.model_copy(update=changes)
        try:
            ways[settings.back_end] = encode_by(settings)
        except ValueError as err:
            missing[settings.back_end] = str(err)
    return ways, missing


def time_ways(ways: dict[str, Way], num_rounds: int) -> tuple[Seconds, dict[str, np.ndarray]]:
    """Time each way once a round; returns the seconds, and what each way made.

    A round before the first, not timed, warms them up.
    """
    vectors = {name: way() for name, way in ways.items()}
    seconds: Seconds = {name: [] for name in ways}
    for _ in range(num_rounds):
        for name, way in ways.items():
            began = time.process_time(), time.perf_counter()
            way()
            ended = time.process_time(), time.perf_counter()
            seconds[name].append((ended[0] - began[0], ended[1] - began[1]))
    return seconds, vectors


def compare(seconds: Seconds, name: str, other: str, clock: int) -> float:
    """Return how many times as fast a way is as another: the median of the rounds' ratios."""
    pairs = zip(seconds[other], seconds[name], strict=True)
    return median(slow[clock] / fast[clock] for slow, fast in pairs)


def summarize(
    seconds: Seconds, vectors: dict[str, np.ndarray], least_cosine: float
) -> dict[str, Any]:
    """Return the figures: of CPU seconds, and under `wall` of the clock's."""
    cosines = {name: measure_cosine_p01(made, vectors[ONE_CALL]) for name, made in vectors.items()}
    others = [name for name in seconds if name not in (LOOP, ONE_CALL, REFERENCE)]
    faithful = [name for name in others if cosines[name] >= least_cosine]
    fast = max(faithful, key=lambda name: compare(seconds, name, ONE_CALL, 0), default=None)

    def list_speedups(clock: int) -> dict[str, float | None]:
        return {
            "speedup_vs_loop": compare(seconds, REFERENCE, LOOP, clock),
            "speedup_vs_one_call": compare(seconds, REFERENCE, ONE_CALL, clock),
            "fast_speedup": compare(seconds, fast, ONE_CALL, clock) if fast else None,
        }

    return {
        **list_speedups(0),
        "fast_backend": fast,
        "fast_cosine_p01": cosines[fast] if fast else None,
        "ratios_of": "CPU seconds of the process",
        "wall": list_speedups(1),
        "largest_difference": float(np.abs(vectors[REFERENCE] - vectors[ONE_CALL]).max()),
        "back_ends": {
            name: {
                "speedup_vs_one_call": compare(seconds, name, ONE_CALL, 0),
                "wall_speedup_vs_one_call": compare(seconds, name, ONE_CALL, 1),
                "cosine_p01": cosines[name],
            }
            for name in (REFERENCE, *others)
        },
        "cpu_seconds": {name: median(cpu for cpu, _ in times) for name, times in seconds.items()},
    }


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--histories", type=Path, help="interactions: .jsonl, .csv, .parquet")
    parser.add_argument("--user", default="user_id", help="column with the user's id")
    parser.add_argument("--field", default="review", help="column with the text")
    parser.add_argument("--texts", type=int, default=2000, help="most texts encoded")
    parser.add_argument("--rounds", type=int, default=5, help="timings of each way, in turns")
    parser.add_argument("--encoder", default=EncoderConfig().name, help="as in encoder.name")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    given = parse_arguments()
    torch.set_num_threads(1)
    config = EncoderConfig(name=given.encoder)
    tokenizer = load_sentence_encoder(config).tokenizer
    if given.histories:
        users = read_users(given.histories, given.user, given.field, given.texts)
    else:
        users = invent_users(sorted(filter(str.isalpha, tokenizer.get_vocab())), given.texts)
    ways, missing = build_ways(users, config)
    seconds, vectors = time_ways(ways, given.rounds)
    result = summarize(seconds, vectors, config.min_cosine_p01)
    result["back_ends"] |= missing
    result |= measure_job(users, config)
    result |= {
        "histories": given.histories.name if given.histories else "invented",
        "texts": sum(map(len, users)),
        "users": len(users),
        "threads": torch.get_num_threads(),
        "rounds": given.rounds,
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
