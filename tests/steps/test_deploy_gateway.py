"""A champion on this machine: deployed, found again, taken back when it answers otherwise."""

import hashlib
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import mlflow
import pytest
import yaml

from components.deployment.config import DeployConfig
from components.deployment.local_target import CANDIDATE, find_free_port, stop_gateway
from components.deployment.record import Deployment, ModelVersion
from components.llm.config import LLMConfig
from components.personas.config import PersonaStoreConfig
from components.promotion.registry_records import Promotion
from components.serving.bundle import CARD, GOLDEN, package_serving, write_json
from components.tasks.lamp import LAMP_2
from tests.components.serving.tiny_persona import make_listening_llm, write_parts
from tests.components.tiny_models import write_sentence_encoder

DEPLOYED = LAMP_2.model_copy(update={"name": "deployed"})
NAME = "persona-plug-deployed"
KEY = "key of the tests"


@pytest.fixture
def registry(zenml_home):
    from steps.model_registry import open_registry

    client = open_registry()
    client.create_registered_model(NAME)
    yield client
    client.delete_registered_model(NAME)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def versions(registry, tmp_path):
    """Two registered versions with bundles; the second one's golden answer 0 is another one."""
    from steps.bundle_source import log_bundle

    experiment = registry.create_experiment(f"deployed-{tmp_path.name}", str(tmp_path / "runs"))
    encoder = write_sentence_encoder(tmp_path / "encoder")
    llm = make_listening_llm("warm_start", encoder)
    config = LLMConfig(name="warm_start", max_input_length=96, max_new_tokens=8)
    spec, *parts = write_parts(tmp_path / "parts", encoder, llm, DEPLOYED, config)
    for version in ("1", "2"):
        run = registry.create_run(experiment)
        registry.create_model_version(NAME, f"{run.info.artifact_uri}/x", run.info.run_id)
        (tmp_path / version).mkdir()
        bundle = package_serving(spec, *parts, tmp_path / version, NAME, version)
        if version == "2":
            spoil_golden(bundle)
        log_bundle(registry, NAME, version, bundle)
    return registry


def spoil_golden(bundle):
    golden = bundle.golden()
    first, *others = golden.requests
    spoilt = first.model_copy(update={"prediction": "what nobody answered"})
    write_json(bundle.path / GOLDEN, golden.model_copy(update={"requests": (spoilt, *others)}))
    card = bundle.card()
    write_json(bundle.path / CARD, card.model_copy(update={"files": bundle.hash_files()}))


@pytest.fixture
def folder(tmp_path):
    """The gateway's folder, with settings under which a process itself lets one answer differ."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "key").write_text(KEY)
    key = {"name": "a", "tenant": "default", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    store = {"place": str(tmp_path / "personas"), "custody": str(tmp_path / "custody")}
    settings = {
        "service_keys": [key],
        "limits": {"requests": "1000/second"},
        "engine": {"min_golden_share": 0.8},
        "store": {"num_shards": 2, "create": True, **store},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    yield folder
    stop_gateway(folder, 10)


def ask(port, user="anna"):
    body = json.dumps({"model": NAME, "prompt": "a book", "user": user}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urlopen(Request(f"http://127.0.0.1:{port}/v1/completions", body, headers)) as answer:
        return json.load(answer)["model_version"]


@pytest.fixture
def personas(tmp_path):
    return PersonaStoreConfig(place=str(tmp_path / "personas"))


@pytest.mark.slow
def test_a_failing_golden_request_is_rolled_back(versions, folder, personas):
    from pipelines.deploy_persona import deploy_persona

    port = find_free_port()
    config = DeployConfig(target="local", local={"folder": folder, "port": port})

    def deploy(version):
        versions.set_registered_model_alias(NAME, "champion", version)
        pipeline = deploy_persona.with_options(enable_step_logs=False)
        return pipeline(task=DEPLOYED, personas=personas, deploy=config)

    [made] = deploy("1").steps["deploy_gateway"].outputs["deployment"]
    first = made.load()
    assert (first.outcome, first.model.version) == ("deployed", "1")
    assert ", run deploy_persona-" in first.who
    assert first.serves.startswith(f"models:/{NAME}/1 on port {port}")
    assert ask(port) == "1"
    assert versions.get_model_version(NAME, "1").tags["deployment"].startswith("local: deployed")

    [again] = deploy("1").steps["deploy_gateway"].outputs["deployment"]
    assert again.load().outcome == "unchanged"
    assert again.load().serves == first.serves  # the very process

    with ThreadPoolExecutor(4) as pool:
        ends = time.monotonic() + 600

        def ask_on(_):
            served = []
            while time.monotonic() < ends:
                served.append(ask(port))
            return served

        asked = [pool.submit(ask_on, number) for number in range(2)]
        with pytest.raises(RuntimeError, match=r"rolled_back.*1 of 8 golden requests"):
            deploy("2")
        ends = 0
        served = [version for one in asked for version in one.result()]  # none was dropped
    assert set(served) <= {"1", "2"}
    assert ask(port) == "1"
    assert len(served) > 20

    from zenml.client import Client

    record = Client().get_artifact_version("deployment").load()
    assert (record.outcome, record.model.version) == ("rolled_back", "2")
    assert record.serves == first.serves
    assert list(record.seconds) == ["preview", "apply", "wait", "check", "roll_back"]


@pytest.mark.slow
def test_who_is_told_to_end_leaves_nothing_but_a_record(versions, folder, personas):
    from pipelines.deploy_persona import deploy_persona

    def end_when_begun():
        while not (folder / CANDIDATE).exists():
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    config = DeployConfig(target="local", local={"folder": folder, "port": find_free_port()})
    versions.set_registered_model_alias(NAME, "champion", "1")
    Thread(target=end_when_begun, daemon=True).start()
    pipeline = deploy_persona.with_options(enable_step_logs=False)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(BaseException) as told:
        pipeline(task=DEPLOYED, personas=personas, deploy=config)
    assert not isinstance(told.value, AssertionError)
    assert signal.getsignal(signal.SIGTERM) == before
    tag = versions.get_model_version(NAME, "1").tags["deployment"]
    assert tag.startswith("local: rolled_back")
    assert tag.endswith("the deployment was told to end by SIGTERM")
    assert not (folder / CANDIDATE).exists()


@pytest.mark.slow
def test_the_command_rolls_back_and_deploys(versions, folder, personas, tmp_path, capsys):
    from infra.rollback import main

    port = find_free_port()
    local = {"folder": str(folder), "port": port}
    deploy = {"target": "local", "local": local}
    run = {"task": DEPLOYED.model_dump(mode="json"), "deploy": deploy}
    run["personas"] = personas.model_dump(mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"parameters": run}))
    versions.set_registered_model_alias(NAME, "champion", "2")
    versions.set_registered_model_alias(NAME, "previous", "1")
    main(["--config", str(tmp_path / "run.yaml")])
    assert f"{NAME}: version 1 is champion, 2 was.\n" in capsys.readouterr().out
    assert ask(port) == "1"
    with pytest.raises(SystemExit, match=r"nothing was moved: .* there is no previous"):
        main(["--config", str(tmp_path / "run.yaml")])


@pytest.mark.parametrize("outcome", ["deployed", "rolled_back"])
def test_what_mlflow_has_no_record_of_is_told_and_kept(registry, tmp_path, monkeypatch, outcome):
    """Its artifacts can't be written, once the version serves."""
    from zenml.client import Client

    from pipelines.deploy_persona import deploy_persona
    from steps.bundle_source import BUNDLE
    from steps.deployed_versions import RECORDS

    run = registry.create_run(registry.create_experiment(tmp_path.name, str(tmp_path / "runs")))
    registry.create_model_version(NAME, f"{run.info.artifact_uri}/x", run.info.run_id)
    registry.set_model_version_tag(NAME, "1", BUNDLE, "a")
    registry.set_registered_model_alias(NAME, "champion", "1")
    folder = Path(run.info.artifact_uri)
    folder.mkdir(parents=True)
    (folder / RECORDS).touch()

    def attempt(model, exam, config, personas, who):
        told = {"reason": "so it is", "serves": "version x", "who": who}
        return Deployment(outcome=outcome, target="local", model=model, **told)

    monkeypatch.setattr("steps.deploy_gateway.attempt", attempt)
    monkeypatch.setattr("steps.deploy_gateway.fetch_exam", lambda *_: None)
    pipeline = deploy_persona.with_options(enable_step_logs=False)
    told = (
        f"models:/{NAME}/1 on local: {outcome}: so it is; now serves: version x; and MLflow has no"
    )
    with pytest.raises(RuntimeError, match=told):
        pipeline(task=DEPLOYED, personas=PersonaStoreConfig(), deploy=DeployConfig(target="local"))
    [step] = Client().list_run_steps(name="deploy_gateway", size=1, sort_by="desc:created").items
    assert step.run_metadata["outcome"] == outcome
    record = Client().get_artifact_version("deployment").load()
    assert (record.outcome, record.model.bundle_hash) == (outcome, "a")
    assert step.run_metadata["who"] == record.who


def test_a_refused_candidate_and_no_target_deploy_nothing(zenml_home):
    from steps.deploy_gateway import deploy_gateway

    refused = Promotion(promoted=False, model_name=NAME, version="1")
    record = deploy_gateway.entrypoint(refused, DeployConfig(target="local"), PersonaStoreConfig())
    assert (record.outcome, record.reason) == ("skipped", "version 1 was refused")
    promoted = refused.model_copy(update={"promoted": True})
    record = deploy_gateway.entrypoint(promoted, DeployConfig(), PersonaStoreConfig())
    assert (record.outcome, record.reason) == ("skipped", "deploy.target is none")


def test_a_gateway_of_other_personas_is_refused(zenml_home, folder, tmp_path):
    """What it would serve is another, perhaps empty, store."""
    from steps.deploy_gateway import attempt

    config = DeployConfig(target="local", local={"folder": folder})
    model = ModelVersion(name=NAME, version="1", bundle_hash="a")
    elsewhere = PersonaStoreConfig(place=str(tmp_path / "elsewhere"))
    record = attempt(model, None, config, elsewhere, "me")
    assert record.outcome == "refused"
    assert f"'default' in {tmp_path / 'elsewhere'}" in record.reason
