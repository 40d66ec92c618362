"""Answer evaluated questions again from a registered artifact, in a process that knows no more.

    python -m components.serving.reproduce --plug-in DIR --serving DIR --llm DIR \
        --requests FILE --output FILE

Reads one `Request` a line, writes a `Reproduction`. An artifact that is not sound ends the process
with the error that says why.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from components.config import Config
from components.llm.llm_folder import LLMFolder
from components.serving.foreign_modules import find_foreign_modules
from components.serving.persona_model import PersonaModel, ServingSpec
from components.user_embedder.embedder_folder import EmbedderFolder


class Request(Config):
    """An evaluated question, without the answer that it got and the one it should have got."""

    prompt: str = Field(description="The question's whole input, in its own words.")
    payload: str = Field(description="What the benchmark's prompt is put around.")
    history: list[str] = Field(description="The user's items as they are rendered, oldest first.")


class Reproduction(Config):
    """What an artifact answered, and how fast."""

    answers: list[str] = Field(description="One a request, answered in batches as evaluation does.")
    load_seconds: float = Field(description="Seconds of loading and of checking hashes.")
    seconds: list[float] = Field(description="Of each request by itself, its history encoded.")
    foreign_modules: list[str] = Field(description="What was imported and must not be needed.")


def reproduce(plug_in: Path, serving: Path, llm: Path, requests: Sequence[Request]) -> Reproduction:
    """Load an artifact and answer.

    Args:
        plug_in: The user embedder's folder.
        serving: The folder of `serving.json`.
        llm: The LLM's folder.
        requests: What is asked.

    Raises:
        ValueError: If the artifact is not the one that its settings name.
    """
    foreign = find_foreign_modules(sys.modules, is_loaded=False)
    started = time.perf_counter()
    model = PersonaModel(ServingSpec.read(serving), EmbedderFolder.at(plug_in), LLMFolder.at(llm))
    load_seconds = time.perf_counter() - started

    def answer(asked: Sequence[Request], histories: Sequence[np.ndarray]) -> list[str]:
        payloads, prompts = [r.payload for r in asked], [r.prompt for r in asked]
        return model.answer(payloads, histories, prompts)

    for request in requests[:1]:  # the very first answer is slower: it is not a request's share
        answer([request], [model.encode_rendered(request.history)])
    histories, seconds = [], []
    for request in requests:
        started = time.perf_counter()
        histories.append(model.encode_rendered(request.history))
        answer([request], histories[-1:])
        seconds.append(time.perf_counter() - started)
    return Reproduction(
        answers=answer(requests, histories),
        load_seconds=load_seconds,
        seconds=seconds,
        foreign_modules=sorted(foreign | find_foreign_modules(sys.modules, is_loaded=True)),
    )


def main() -> None:
    """Read the arguments, answer, write."""
    parser = argparse.ArgumentParser(description="Answer evaluated questions from an artifact.")
    for name in ("plug-in", "serving", "llm", "requests", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    with given.requests.open(encoding="utf-8", newline="\n") as lines:  # texts hold other breaks
        requests = [Request.model_validate_json(line) for line in lines]
    reproduction = reproduce(given.plug_in, given.serving, given.llm, requests)
    given.output.write_text(reproduction.model_dump_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
