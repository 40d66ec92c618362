"""Where a server gets its bundles: a folder, or a model registry behind a source that is named.

The library knows no registry. Who serves `models:/persona-plug-LaMP_2@champion` has a module that
knows one, as an ASGI server has an application: named by its import path in `SOURCES`, imported
only where it is asked for. A server without it serves folders.
"""

import asyncio
import importlib
import logging
from pathlib import Path
from typing import Protocol

from components.folder import hash_file
from components.serving.bundle import CARD, ServingBundle
from components.serving.engines.swap import SwappableEngine

logger = logging.getLogger(__name__)

SOURCES = {"models": "steps.bundle_source:open_source"}
"""By the scheme of a place: the module and the function that open it, given place and scratch."""


MAX_PAUSE = 12
"""Longest pause after a source failed, in those between two looks."""


class ModelSource(Protocol):
    """Has the bundle that is to be served, and at times another one."""

    def find_latest(self) -> str | None:
        """Say which bundle is to be served: what tells it from others; None if there is none yet.

        Cheap: it is asked again and again.
        """
        ...

    def fetch(self, latest: str) -> ServingBundle:
        """Bring a bundle here.

        Args:
            latest: Which one, as `find_latest` said.

        Raises:
            ValueError: If it cannot be had as it was packaged.
        """
        ...


class FolderSource:
    """A bundle in a folder, which another one may replace.

    Args:
        folder: The bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_latest(self) -> str | None:
        """Return the hash of the bundle's card, which holds all others; None if there is none."""
        card = self._folder / CARD
        return hash_file(card) if card.is_file() else None

    def fetch(self, latest: str) -> ServingBundle:
        """Open the bundle where it lies.

        Args:
            latest: As `find_latest` said.

        Raises:
            ValueError: If another one has replaced it since, or it is not whole (yet): a folder is
                copied file by file.
        """
        if self.find_latest() != latest:
            raise ValueError(f"{self._folder} was replaced while it was being read")
        bundle = ServingBundle.at(self._folder)
        bundle.check_files()
        return bundle


def open_source(place: str, scratch: Path) -> ModelSource:
    """Open what a server gets its bundles from.

    Args:
        place: A bundle's folder, or what one of `SOURCES` knows ("models:/NAME@ALIAS").
        scratch: A directory for what is brought here; made if it isn't there.

    Raises:
        ValueError: If the module that knows such places is not installed.
    """
    scheme, is_named, _ = place.partition(":/")
    if not is_named or scheme not in SOURCES:
        return FolderSource(Path(place))
    module, _, function = SOURCES[scheme].partition(":")
    try:
        opener = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as err:
        raise ValueError(
            f"{place}: {err.name} is not installed here; serve a bundle's folder instead"
        ) from err
    source: ModelSource = opener(place, scratch)
    return source


def fetch_first(source: ModelSource, place: str) -> tuple[str, ServingBundle]:
    """Return the bundle that a server begins with, and what tells it from others.

    Raises:
        ValueError: If there is none.
    """
    latest = source.find_latest()
    if latest is None:
        raise ValueError(f"{place}: there is no serving bundle")
    return latest, source.fetch(latest)


async def follow(
    source: ModelSource, engine: SwappableEngine, seen: str, poll_seconds: float
) -> None:
    """Let whatever the source has next take over, for as long as nobody cancels this.

    A source that cannot be asked is asked again, more and more rarely; what is refused is not tried
    twice.

    Args:
        source: Where bundles come from.
        engine: What serves.
        seen: The bundle that it began with.
        poll_seconds: Seconds between two looks.
    """
    pause = poll_seconds
    while True:
        await asyncio.sleep(pause)
        try:
            latest = await asyncio.to_thread(source.find_latest)
            if latest is None or latest == seen:
                pause = poll_seconds
                continue
            bundle = await asyncio.to_thread(source.fetch, latest)
        except Exception as err:  # of whatever library the source is: what serves, serves on
            logger.warning("no news of bundles: %s: %s", type(err).__name__, err)
            pause = min(2 * pause, MAX_PAUSE * poll_seconds)  # a bundle may be many gigabytes
            continue
        pause, seen = poll_seconds, latest
        try:
            await engine.swap(bundle)
        except Exception as err:  # as of an old engine that can't be closed: the next is looked for
            logger.warning("a swap ended badly: %s: %s", type(err).__name__, err)
