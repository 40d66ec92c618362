"""`python -m components.serving`: a whole server in a process of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import torch

pytest.importorskip("components.serving.engines.swap")

from benchmarks.gateway_process import find_port
from components.serving.__main__ import leave_a_core
from components.serving.bundle import package_serving
from components.serving.persona_model import ServingRecipe
from tests.components.tiny_world import LLM, TASK

ROOT = Path(__file__).parents[3]
KEY = "key of the tests"
NUM_REQUESTS = 40


@pytest.fixture
def bundle(trained, artifacts, tmp_path):
    plug_in, llm = trained.arm("persona"), artifacts.llm
    spec = ServingRecipe(task=TASK, llm=LLM).specify(plug_in, llm)
    (tmp_path / "bundle").mkdir()
    return package_serving(spec, plug_in, llm, tmp_path / "bundle", "persona-plug-LaMP_2", "7")


def write_settings(folder, **store):
    key = {"name": "a", "tenant": "default", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    limits = {"requests": "1000/second"}
    settings = {"service_keys": [key], "limits": limits, "store": {"num_shards": 2, **store}}
    path = folder / "serving.yaml"
    path.write_text(json.dumps(settings))  # which is YAML, too
    return path


def start(folder, bundle, settings, port=0, python=sys.executable):
    command = [python, "-m", "components.serving", "--port", str(port)]
    command += ["--model", str(bundle.path), "--settings", str(settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def wait_until_ready(address, process):
    ends = monotonic() + 120
    while monotonic() < ends:
        assert process.poll() is None, process.stderr.read()
        try:
            with urlopen(f"{address}/readyz") as answer:
                return json.load(answer)
        except (URLError, ConnectionError):
            sleep(0.1)
    raise AssertionError("the server is not ready after 120 s")


@pytest.mark.slow
def test_it_answers_and_drains_at_sigterm(bundle, tmp_path):
    port = find_port()
    address = f"http://127.0.0.1:{port}"
    process = start(tmp_path, bundle, write_settings(tmp_path, create=True), port)
    try:
        assert wait_until_ready(address, process)["model_version"] == "7"
        body = json.dumps({"model": "persona-plug-LaMP_2", "prompt": "a book", "user": "anna"})
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

        def ask(_):
            request = Request(f"{address}/v1/completions", body.encode(), headers)
            try:
                with urlopen(request, timeout=60) as answer:
                    return json.load(answer)["choices"][0]["text"]
            except (URLError, ConnectionError):
                return None  # it came after the end

        with ThreadPoolExecutor(8) as pool:
            asked = pool.map(ask, range(NUM_REQUESTS))
            first = next(asked)
            process.send_signal(signal.SIGTERM)
            answers = [first, *asked]
        assert first in TASK.labels
        assert set(answers) <= {first, None}  # whole, or not begun
        assert process.wait(60) == -signal.SIGTERM  # uvicorn ends itself by it when all is done
    finally:
        process.kill()
    log = process.stderr.read()
    assert "POST /v1/completions 200" in log
    assert "Application shutdown complete" in log
    assert " 500 " not in log
    assert "anna" not in log
    assert KEY not in log


@pytest.mark.slow
def test_sigterm_ends_a_start_too(bundle, tmp_path):
    process = start(tmp_path, bundle, write_settings(tmp_path, create=True))
    try:
        assert "Loading" in process.stderr.readline()  # the bundle's models
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    finally:
        process.kill()


@pytest.mark.slow
def test_it_answers_without_the_pipelines_packages(bundle, tmp_path, serving_python):
    imports = "import zenml, great_expectations, datasets, mlflow.sklearn, pandas, pyarrow"
    missing = subprocess.run([serving_python, "-c", imports], stderr=subprocess.PIPE, text=True)
    assert "No module named" in missing.stderr
    port = find_port()
    settings = write_settings(tmp_path, create=True)
    process = start(tmp_path, bundle, settings, port, serving_python)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        body = json.dumps({"model": "persona-plug-LaMP_2", "prompt": "a book", "user": "anna"})
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        asked = Request(f"http://127.0.0.1:{port}/v1/completions", body.encode(), headers)
        with urlopen(asked, timeout=60) as answer:
            assert json.load(answer)["choices"][0]["text"] in TASK.labels
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_what_can_not_be_served_ends_it_with_the_reason(bundle, tmp_path):
    missing = start(tmp_path, bundle, write_settings(tmp_path))
    _, problem = missing.communicate(timeout=120)
    assert missing.returncode == 1
    assert problem.splitlines()[-1].startswith("key of the user hashes") or "store" in problem
    weights = bundle.path / "plug_in" / "user_embedder.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    changed = start(tmp_path, bundle, write_settings(tmp_path, create=True))
    _, problem = changed.communicate(timeout=120)
    assert changed.returncode == 1
    assert "plug_in/user_embedder.safetensors" in problem.splitlines()[-1]


def test_the_model_leaves_a_core(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        leave_a_core()
        assert torch.get_num_threads() == 1
        leave_a_core()
        assert torch.get_num_threads() == 1
        torch.set_num_threads(2)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        leave_a_core()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
