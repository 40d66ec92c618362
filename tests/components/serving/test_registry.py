"""Where bundles come from: what replaces a bundle is followed, what is refused is left."""

import asyncio
import shutil
import sys
from functools import partial
from types import ModuleType

import pytest

from components.serving import registry
from components.serving.bundle import ServingBundle, package_serving
from components.serving.engines.candidate import load_candidate
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import EngineRequest
from components.serving.engines.swap import SwappableEngine
from components.serving.registry import FolderSource, fetch_first, follow, open_source
from tests.components.serving.tiny_persona import LABELLED, make_listening_llm, write_parts
from tests.components.tiny_world import LLM

CONFIG = EngineConfig(window_ms=0)


@pytest.fixture(scope="module")
def packaged(encoder_folder, tmp_path_factory):
    """Versions 1, 2 and 3 of one plug-in."""
    llm = make_listening_llm("warm_start", encoder_folder)
    folder = tmp_path_factory.mktemp("packaged")
    parts = write_parts(folder / "parts", encoder_folder, llm, LABELLED, LLM)
    for version in "123":
        (folder / version).mkdir()
        package_serving(*parts, folder / version, "tiny", version)
    return folder


def put(packaged, version, place):
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(packaged / version, place)


def test_a_folder_is_a_source(packaged, tmp_path):
    place = tmp_path / "bundle"
    source = open_source(str(place), tmp_path)
    assert isinstance(source, FolderSource)
    with pytest.raises(ValueError, match="bundle: there is no serving bundle"):
        fetch_first(source, str(place))
    put(packaged, "1", place)
    latest, bundle = fetch_first(source, str(place))
    assert bundle.card().model_version == "1"
    put(packaged, "2", place)
    assert source.find_latest() != latest
    with pytest.raises(ValueError, match="was replaced while it was being read"):
        source.fetch(latest)


def test_a_folder_that_is_half_copied_is_tried_again(packaged, tmp_path):
    place = tmp_path / "bundle"
    put(packaged, "1", place)

    async def main():
        load = partial(load_candidate, config=CONFIG)
        engine = await SwappableEngine.start(ServingBundle.at(place), load, CONFIG)
        source = FolderSource(place)
        following = asyncio.create_task(follow(source, engine, source.find_latest(), 0.01))
        shutil.copy(packaged / "2" / "bundle.json", place)  # the first of its files
        (place / "golden.json").unlink()
        await asyncio.sleep(1)
        assert engine.model_version == "1"
        shutil.copytree(packaged / "2", place, dirs_exist_ok=True)
        while engine.model_version == "1":
            await asyncio.sleep(0.01)
        following.cancel()
        await engine.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_source_is_opened_by_the_scheme_of_its_place(monkeypatch, tmp_path):
    module = ModuleType("invented_source")
    module.open_it = lambda place, scratch: (place, scratch)
    monkeypatch.setitem(sys.modules, "invented_source", module)
    monkeypatch.setitem(registry.SOURCES, "shelf", "invented_source:open_it")
    assert open_source("shelf:/a@b", tmp_path) == ("shelf:/a@b", tmp_path)
    monkeypatch.setitem(registry.SOURCES, "shelf", "not_installed:open_it")
    with pytest.raises(ValueError, match="not_installed is not installed here; serve a bundle's"):
        open_source("shelf:/a@b", tmp_path)


class Flaky(FolderSource):
    """A folder that cannot be asked now and then; remembers what was fetched."""

    def __init__(self, folder):
        super().__init__(folder)
        self.looks = 0
        self.fetched = []

    def find_latest(self):
        self.looks += 1
        if self.looks % 2:
            raise ConnectionError("away")
        return super().find_latest()

    def fetch(self, latest):
        self.fetched.append(latest)
        return ServingBundle.at(self._folder)


def test_what_comes_is_followed_and_what_is_refused_is_not_tried_twice(packaged, tmp_path, flip):
    place = tmp_path / "bundle"
    put(packaged, "1", place)
    source = Flaky(place)
    request = EngineRequest("a book", "", None)

    async def wait_until(is_so):
        while not is_so():
            await asyncio.sleep(0.01)

    async def main():
        seen = FolderSource(place).find_latest()
        load = partial(load_candidate, config=CONFIG)
        engine = await SwappableEngine.start(ServingBundle.at(place), load, CONFIG)
        following = asyncio.create_task(follow(source, engine, seen, 0.01))
        await wait_until(lambda: source.looks > 4)
        assert source.fetched == []

        staged = tmp_path / "staged"
        put(packaged, "2", staged)
        flip(staged / "golden.json")
        put(tmp_path, "staged", place)
        await wait_until(lambda: source.fetched)
        looks = source.looks
        await wait_until(lambda: source.looks > looks + 6)
        assert (engine.model_version, len(source.fetched)) == ("1", 1)

        put(packaged, "3", place)
        await wait_until(lambda: engine.model_version == "3")
        await engine.answer(request)
        following.cancel()
        await engine.close()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert len(source.fetched) == 2
