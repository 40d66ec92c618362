"""Golden requests that a plain gateway answers as they say, and a folder to start it from."""

import json
import signal
from pathlib import Path

import pytest

from components.deployment.batch_job import VectorRecipe
from components.deployment.config import LocalConfig
from components.deployment.golden_check import Exam
from components.deployment.local_target import (
    LocalGateway,
    LocalTarget,
    find_free_port,
    stop_gateway,
)
from components.deployment.record import ModelVersion
from components.deployment.signals import ENDING
from components.encoders.config import EncoderConfig
from components.serving.golden import Golden, GoldenRequest
from components.serving.reproduce import Request
from components.tasks.lamp import LAMP_2

REPOSITORY = Path(__file__).parents[3]
NAME, KEY = "persona-plug-LaMP_2", "golden key"
RECIPE = VectorRecipe(LAMP_2, EncoderConfig())
START = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
START += "from tests.components.deployment.plain_gateway import main\n"


def make_request(labels, prediction):
    history = [
        LAMP_2.render_item({"description": f"item {number}", "tag": label})
        for number, label in enumerate(labels)
    ]
    request = Request(prompt=LAMP_2.prompt.format(payload="a"), payload="a", history=history)
    return GoldenRequest(request=request, prediction=prediction)


GOLDEN = Golden(
    requests=(
        make_request([], "comedy"),
        make_request(["sci-fi", "action"], "action"),
        make_request(["dystopia"], "dystopia"),
    )
)


def make_model(version):
    return ModelVersion(name=NAME, version=version, bundle_hash=f"hash {version}")


def make_exam(version):
    return Exam(NAME, version, RECIPE.task, GOLDEN, RECIPE.encoder)


class Machine:
    """A machine on which versions are deployed, each of which may have its trouble."""

    def __init__(self, folder):
        self.folder, self.port = folder, find_free_port()
        package = folder / "components" / "serving"
        package.mkdir(parents=True)
        (folder / "components" / "__init__.py").touch()
        (package / "__init__.py").touch()
        # Of the real `components` the plain gateway needs this alone.
        sockets = REPOSITORY / "components" / "serving" / "sockets.py"
        (package / "sockets.py").symlink_to(sockets)
        (package / "__main__.py").write_text(f"{START}main()\n")
        self.gateway = LocalGateway(folder / "state", folder / "settings", folder, KEY, {})
        self.gateway.folder.mkdir()
        self.set_troubles({})

    def set_troubles(self, troubles):
        self.gateway.settings.write_text(json.dumps(troubles))

    def target(self, version):
        config = LocalConfig(port=self.port, drain_seconds=5)
        return LocalTarget(self.gateway, make_model(version), config)


@pytest.fixture
def signals():
    """What came of the signals that end a process, to whom they came before a deployment."""
    came = []
    before = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in ENDING
    }
    yield came
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    yield machine
    stop_gateway(machine.gateway.folder, 5)
