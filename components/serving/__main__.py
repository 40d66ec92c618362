r"""The persona gateway as a command.

    python -m components.serving --model models:/persona-plug-LaMP_2@champion --settings FILE

answers OpenAI's clients on 127.0.0.1:8000. The model may be a bundle's folder, too. When the alias
or the folder has another bundle, that one is loaded, checked and takes over while requests are
answered. SIGTERM drains.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
import uvicorn
from prometheus_client import CollectorRegistry, Histogram

from components.personas.config import STORE_VARIABLE
from components.serving.bundle import ServingBundle
from components.serving.engines.candidate import Candidate, load_candidate
from components.serving.engines.check_vllm import KEY_VARIABLE
from components.serving.engines.swap import SwappableEngine
from components.serving.engines.vllm_client import VLLMConfig
from components.serving.engines.vllm_engine import load_vllm_candidate
from components.serving.gateway.app import build_app
from components.serving.gateway.settings import (
    GOLDEN_KEY_VARIABLE,
    GatewaySettings,
    admit_golden,
    read_settings,
)
from components.serving.gateway.tenant_stores import TenantStores
from components.serving.registry import fetch_first, follow, open_source
from components.serving.sockets import open_sockets

LOOK_SECONDS = 5.0
"""How often it is looked whether there is another bundle."""
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
ONEDNN_CAPACITY = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""oneDNN keeps a kernel for every shape of a batch, 1,024 by default: 14 MB that fill over
thousands of requests and look like a leak. To make one again takes 0.1 ms."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    given = parse_arguments(arguments)
    # A container's first process isn't ended by a signal that it has no handler for.
    signal.signal(signal.SIGTERM, end_start)
    os.environ.update(ONEDNN_CAPACITY | os.environ)  # read when it is first used
    try:
        settings = read_settings(given.settings)
        if given.store is not None:
            os.environ[STORE_VARIABLE] = given.store
        if given.demo:
            settings = settings.model_copy(update={"page": "open"})
        settings = admit_golden(settings, os.environ.get(GOLDEN_KEY_VARIABLE))
        leave_a_core()
        asyncio.run(serve(given, settings))
    except (ValueError, OSError) as err:
        sys.exit(str(err))


def leave_a_core() -> None:
    """Let the model leave a core to HTTP and the store, unless OMP_NUM_THREADS says otherwise.

    With all cores its threads wait for one another whenever a request comes in between.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def end_start(*_: object) -> None:
    """End before anything is served.

    Raises:
        SystemExit: Always.
    """
    raise SystemExit(128 + signal.SIGTERM)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.serving", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--model", required=True, help="models:/NAME@ALIAS, or a bundle's folder")
    parser.add_argument("--settings", type=Path, required=True, help="YAML, see docs/serving.md")
    parser.add_argument("--store", help="instead of store.place and PERSONA_PLUG_STORE")
    parser.add_argument("--scratch", type=Path, default=Path("state/serving"), help="for downloads")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from elsewhere")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--own-port", type=int, help="a second one, on 127.0.0.1")
    parser.add_argument("--handover", type=Path, help="a file, where the next process gets --port")
    parser.add_argument("--handed", type=int, help="descriptor of --port, from the process before")
    parser.add_argument("--demo", action="store_true", help="the settings' page: open")
    parser.add_argument("--drain-seconds", type=int, default=30, help="longest wait at SIGTERM")
    return parser.parse_args(arguments)


async def serve(given: argparse.Namespace, settings: GatewaySettings) -> None:
    """Serve until the process is told to end.

    Raises:
        ValueError: If the bundle is not what it was, or the store is not one that it reads.
    """
    registry = CollectorRegistry()
    sizes = Histogram(
        "persona_plug_batch_size",
        "Requests that were computed at once.",
        buckets=BATCH_SIZES,
        registry=registry,
    )
    load = choose_loader(settings, sizes.observe)
    source = open_source(given.model, given.scratch)
    # Now, and by force: a library behind a source may have brought handlers of its own.
    log_format = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=log_format, force=True)
    seen, bundle = fetch_first(source, given.model)
    engine = await SwappableEngine.start(bundle, load, settings.engine)
    stores = TenantStores.open(
        settings.store, settings.tenants, engine.fingerprint, engine.dim, Path.cwd()
    )
    config = uvicorn.Config(
        build_app(engine, stores, settings, registry),
        host=given.host,
        port=given.port,
        log_config=None,
        access_log=False,  # its lines would name users; the gateway writes its own
        timeout_graceful_shutdown=given.drain_seconds,
        server_header=False,
    )
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # uvicorn drains by its own
    following = asyncio.create_task(follow(source, engine, seen, LOOK_SECONDS))
    try:
        sockets = open_sockets(given.host, given.port, given.own_port, given.handover, given.handed)
        await uvicorn.Server(config).serve(sockets)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def choose_loader(
    settings: GatewaySettings, on_batch: Callable[[int], None]
) -> Callable[[ServingBundle], Candidate]:
    """Return what makes an engine of a bundle: in this process, or of a vLLM server.

    Args:
        settings: Which of the two.
        on_batch: Told the size of every batch.
    """
    if settings.vllm is None:
        return partial(load_candidate, config=settings.engine, on_batch=on_batch)
    server = VLLMConfig(**settings.vllm.model_dump(), api_key=os.environ.get(KEY_VARIABLE))
    return partial(load_vllm_candidate, server=server, config=settings.engine, on_batch=on_batch)


if __name__ == "__main__":
    main()
