"""Write the chat template that a vLLM server is started with, and check a server that was.

    python -m components.serving.engines.check_vllm --bundle FOLDER --write-template FILE
    python -m components.serving.engines.check_vllm --bundle FOLDER --url URL --model NAME

A check asks the server the bundle's golden requests, with and without the persona, and compares its
answers with those of the `transformers` engine in this process, which loads the LLM. The last line
is JSON; the status is 1 if a smaller share than `--min-share` is the same.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from components.config import Config
from components.serving.bundle import ServingBundle
from components.serving.engines.candidate import load_candidate
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import Engine, EngineRequest
from components.serving.engines.vllm_client import VLLMClient, VLLMConfig
from components.serving.engines.vllm_engine import VLLMEngine, require_servable
from components.serving.engines.vllm_layout import read_as_server, read_as_trained, write_template
from components.serving.persona_model import ServingSpec

KEY_VARIABLE = "PERSONA_PLUG_VLLM_API_KEY"


def find_template(bundle: ServingBundle) -> str:
    """Return the chat template that a server of a bundle's LLM is started with.

    Raises:
        ValueError: If with it a server read other tokens than training did.
    """
    require_servable(bundle)
    tokenizer, spec, card = (
        bundle.llm().load_tokenizer(),
        ServingSpec.read(bundle.path),
        bundle.card(),
    )
    template = write_template(tokenizer, spec.llm, card.tokenizer.front)
    around = (card.tokenizer.front, card.tokenizer.head, card.tokenizer.tail)
    for golden in bundle.golden().requests:
        text = spec.choose_text(golden.request.payload, golden.request.prompt)
        for has_vectors in (True, False):
            served = read_as_server(tokenizer, template, text, has_vectors)
            trained = read_as_trained(tokenizer, around, text, has_vectors)
            if served != trained:
                raise ValueError(
                    f"{bundle.path}: a server would read the tokens {served} where training had "
                    f"{trained}"
                )
    return template


class ServerCheck(Config):
    """What a server answers, compared with this process."""

    vllm_version: str = Field(description="Its version.")
    questions: int = Field(description="Number of golden requests.")
    same_with_persona: float = Field(description="Share of the same answers.")
    same_without_persona: float = Field(description="The same for the LLM alone.")


async def check_server(
    bundle: ServingBundle, server: VLLMConfig, config: EngineConfig
) -> ServerCheck:
    """Compare a server's answers with those of this process.

    Args:
        bundle: What is served.
        server: Where the server is.
        config: Limits.

    Raises:
        ServerError: If the server cannot be asked.
    """
    client = VLLMClient(server)
    version = (await client.get("/version"))["version"]
    await client.close()
    local = load_candidate(bundle, config)
    remote = VLLMEngine(bundle, server, config)
    alone = [replace(request, vectors=None) for request in local.requests]
    check = ServerCheck(
        vllm_version=version,
        questions=len(alone),
        same_with_persona=await compare(local.engine, remote, local.requests),
        same_without_persona=await compare(local.engine, remote, alone),
    )
    await local.engine.close()
    await remote.close()
    return check


async def compare(one: Engine, other: Engine, requests: Sequence[EngineRequest]) -> float:
    """Return the share of requests that two engines answer the same."""
    answers = [
        [answer.text for answer in await asyncio.gather(*map(engine.answer, requests))]
        for engine in (one, other)
    ]
    return sum(a == b for a, b in zip(*answers, strict=True)) / len(requests)


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a serving bundle")
    parser.add_argument("--write-template", type=Path, help="file of the template to be written")
    parser.add_argument("--url", help="address of a server, without /v1")
    parser.add_argument("--model", help="the name under which it serves the LLM")
    parser.add_argument("--min-share", type=float, default=1.0, help="share that must be the same")
    given = parser.parse_args()
    bundle = ServingBundle.at(given.bundle)
    template = find_template(bundle)
    if given.write_template is not None:
        given.write_template.write_text(template, encoding="utf-8")
    if given.url is None:
        return
    server = VLLMConfig(url=given.url, model=given.model, api_key=os.environ.get(KEY_VARIABLE))
    found = asyncio.run(check_server(bundle, server, EngineConfig()))
    sys.stdout.write(found.model_dump_json() + "\n")
    sys.exit(int(min(found.same_with_persona, found.same_without_persona) < given.min_share))


if __name__ == "__main__":
    main()
