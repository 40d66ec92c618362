"""Ask a registered artifact again in a process of its own, which runs the artifact's own code."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from components.llm.llm_folder import LLMFolder
from components.promotion.artifact_check import ArtifactCheck
from components.serving.artifact import ArtifactParts, fetch_llm
from components.serving.reproduce import Reproduction, Request

TIMEOUT_SECONDS = 3600
MAX_PROBLEM_LENGTH = 500


class BrokenArtifactError(ValueError):
    """The artifact cannot be had, or cannot be asked; says why."""


def check_parts(
    parts: ArtifactParts,
    artifact_hash: str,
    download: Callable[[str, Path], Path],
    requests: Sequence[Request],
    expected: Sequence[str],
    scratch: Path,
) -> ArtifactCheck:
    """Compare an artifact with what was registered, and its answers with those of the evaluation.

    Args:
        parts: The artifact.
        artifact_hash: Its seal when it was registered.
        download: Brings the registered LLM of a URI into an empty directory; raises
            BrokenArtifactError if it cannot.
        requests: Evaluated questions.
        expected: The evaluation's answers to them.
        scratch: An existing directory for what the processes exchange: users' texts, so the caller
            removes it.
    """
    size_bytes = parts.size_bytes()
    try:
        change = parts.find_change(artifact_hash)
        if change is not None:
            raise BrokenArtifactError(change)
        (scratch / "llm").mkdir()
        llm = fetch_llm(parts.serving, lambda uri: download(uri, scratch / "llm"))
        found = ask_fresh_process(parts, llm, requests, scratch)
    except BrokenArtifactError as err:
        return report_broken(str(err), len(requests), size_bytes)
    p50, p95 = np.quantile(found.seconds, [0.5, 0.95]).tolist()
    return ArtifactCheck(
        loaded=True,
        problem=None,
        num_questions=len(requests),
        num_equal=sum(a == b for a, b in zip(found.answers, expected, strict=True)),
        p50_seconds=p50,
        p95_seconds=p95,
        load_seconds=found.load_seconds,
        size_bytes=size_bytes,
        foreign_modules=found.foreign_modules,
    )


def report_broken(problem: str, num_questions: int, size_bytes: int) -> ArtifactCheck:
    """Return the check of an artifact that could not be asked."""
    return ArtifactCheck(
        loaded=False,
        problem=problem,
        num_questions=num_questions,
        num_equal=0,
        p50_seconds=None,
        p95_seconds=None,
        load_seconds=None,
        size_bytes=size_bytes,
        foreign_modules=[],
    )


def ask_fresh_process(
    parts: ArtifactParts, llm: LLMFolder, requests: Sequence[Request], scratch: Path
) -> Reproduction:
    """Run `components.serving.reproduce` of the artifact's own code.

    Raises:
        BrokenArtifactError: If the process does not end well, or in time, or leaves something out.
    """
    lines, output = scratch / "requests.jsonl", scratch / "reproduction.json"
    text = "".join(request.model_dump_json() + "\n" for request in requests)
    lines.write_text(text, encoding="utf-8", newline="\n")
    paths = {
        "plug-in": parts.plug_in,
        "serving": parts.serving,
        "llm": llm.path,
        "requests": lines,
        "output": output,
    }
    # -P: nothing is imported from where this runs; -s: nor from the user's own packages.
    command = [sys.executable, "-P", "-s", "-B", "-m", "components.serving.reproduce"]
    command += [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    environment = {**os.environ, "PYTHONPATH": str(parts.components.parent)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise BrokenArtifactError(f"gave no answers within {TIMEOUT_SECONDS} s") from err
    if done.returncode != 0:
        raise BrokenArtifactError(read_error(done.stderr, done.returncode))
    try:
        found = Reproduction.model_validate_json(output.read_bytes())
    except (ValidationError, OSError) as err:
        raise BrokenArtifactError(f"left no answers that can be read: {err}") from err
    for what in (found.answers, found.seconds):
        if len(what) != len(requests):
            raise BrokenArtifactError(f"{len(requests)} questions, but {len(what)} answers")
    return found


def read_error(stderr: str, returncode: int) -> str:
    """Return what a process said last of what is wrong: a traceback's error, on one line."""
    lines = stderr.splitlines()
    errors = [row for row, line in enumerate(lines) if re.match(r"[\w.]+(Error|Exception)\b", line)]
    if not errors:
        return f"the process ended with status {returncode}, and no error"
    said = [line.strip() for line in lines[errors[-1] :]]
    kept = " ".join(line for line in said if not line.startswith("For further information"))
    return re.sub(r"^ValueError: ", "", kept)[:MAX_PROBLEM_LENGTH]
