r"""The persona gateway as a command.

    python -m components.serving --bundle FOLDER --settings settings.yaml

answers OpenAI's clients on 127.0.0.1:8000. The bundle may be a link: when it points to another
bundle, that one is loaded, checked and takes over while requests are answered. SIGTERM drains.
"""

import argparse
import asyncio
import logging
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry, Histogram

from components.serving.bundle import ServingBundle
from components.serving.engines.candidate import load_candidate
from components.serving.engines.swap import SwappableEngine
from components.serving.gateway.app import build_app
from components.serving.gateway.settings import GatewaySettings, read_settings
from components.serving.gateway.tenant_stores import TenantStores

LOOK_SECONDS = 5.0
"""How often it is looked whether the bundle is another one."""
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    given = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = read_settings(given.settings)
        asyncio.run(serve(given, settings))
    except (ValueError, OSError) as err:
        sys.exit(str(err))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.serving", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--bundle", type=Path, required=True, help="a serving bundle, or a link")
    parser.add_argument("--settings", type=Path, required=True, help="YAML, see docs/serving.md")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 to be reached from elsewhere")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--demo", action="store_true", help="a page for people at /")
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
    load = partial(load_candidate, config=settings.engine, on_batch=sizes.observe)
    path: Path = given.bundle.resolve()
    engine = await SwappableEngine.start(ServingBundle.at(path), load, settings.engine)
    stores = TenantStores.open(
        settings.store, settings.tenants, engine.fingerprint, engine.dim, Path.cwd()
    )
    app = build_app(engine, stores, settings, registry, has_demo=given.demo)
    config = uvicorn.Config(
        app,
        host=given.host,
        port=given.port,
        log_config=None,
        access_log=False,  # its lines would name users; the gateway writes its own
        timeout_graceful_shutdown=given.drain_seconds,
        server_header=False,
    )
    looking = asyncio.create_task(follow_bundle(engine, given.bundle, path))
    try:
        await uvicorn.Server(config).serve()
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def follow_bundle(engine: SwappableEngine, link: Path, served: Path) -> None:
    """Let the bundle that a link points to take over, whenever it is another one.

    Args:
        engine: What serves.
        link: Of bundles.
        served: The bundle that serves.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        found = link.resolve()
        if found != served and found.is_dir():
            served = found  # also if it is refused: it is not tried again
            await engine.swap(ServingBundle.at(found))


if __name__ == "__main__":
    main()
