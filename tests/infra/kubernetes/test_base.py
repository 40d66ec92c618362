"""What the manifests say, against what commands, settings and documents here say."""

import os
import re
import subprocess

import pytest
import yaml
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from benchmarks.postgres_server import find_binaries, run_postgres
from components.embedding.__main__ import EmbeddingSettings
from components.embedding.__main__ import parse_arguments as parse_batch
from components.run_yaml import read_sections
from components.serving.__main__ import parse_arguments as parse_serving
from components.serving.gateway.settings import read_settings
from infra.manifests.objects import find_pod, name_of
from infra.manifests.render import KUBERNETES
from infra.manifests.secrets_to_make import read_secrets

BASE = KUBERNETES / "base"
DOCUMENT = KUBERNETES.parents[1] / "docs" / "operations.md"


def read(path):
    objects = yaml.safe_load_all(path.read_text())
    return {name_of(one): one for one in objects}


@pytest.fixture(scope="module")
def gateway():
    return read(BASE / "gateway.yaml")["Deployment/persona-plug-gateway"]


@pytest.fixture(scope="module")
def batch():
    return read(BASE / "batch.yaml")["CronJob/persona-plug-batch"]


def only_container(thing):
    (container,) = find_pod(thing).spec["containers"]
    return container


def test_the_settings_are_ones_that_the_commands_read():
    assert read_settings(BASE / "serving.yaml").tokens.audience == "persona-plug"
    assert read_sections(BASE / "run.yaml", EmbeddingSettings).task.name == "LaMP_2"


def test_the_gateways_arguments_are_the_commands(gateway):
    given = parse_serving(only_container(gateway)["args"])
    assert given.host == "0.0.0.0"
    mounts = {mount["mountPath"] for mount in only_container(gateway)["volumeMounts"]}
    assert {str(given.scratch), str(given.settings.parent), "/tmp", "/models"} <= mounts


def test_a_gateway_that_is_told_to_end_has_the_time_to_drain(gateway):
    container = only_container(gateway)
    name, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    drain = parse_serving(container["args"]).drain_seconds
    assert name == "sleep"
    assert find_pod(gateway).spec["terminationGracePeriodSeconds"] > int(seconds) + drain


def test_a_gateway_that_starts_slowly_is_no_failed_rollout(gateway):
    probe = only_container(gateway)["startupProbe"]
    longest = probe["periodSeconds"] * probe["failureThreshold"]
    assert gateway["spec"]["progressDeadlineSeconds"] > longest
    assert "replicas" not in gateway["spec"]  # the autoscaler's


def test_a_rollout_needs_no_gpu_more_than_there_are_replicas():
    patches = read(KUBERNETES / "overlays" / "gpu" / "gateway.yaml")
    patch = patches["Deployment/persona-plug-gateway"]
    assert patch["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_the_batch_has_as_many_pods_as_its_processes_are_told(batch, monkeypatch):
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "3")
    spec = batch["spec"]["jobTemplate"]["spec"]
    given = parse_batch(only_container(batch)["args"])
    assert (given.of, given.index, given.name) == (4, 3, "$(JOB_NAME)")
    assert (spec["completions"], spec["completionMode"]) == (4, "Indexed")
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # as podFailurePolicy wants it
    names = {variable["name"] for variable in only_container(batch)["env"]}
    assert "JOB_NAME" in names


def test_the_batchs_policy_of_failures_is_about_its_container(batch):
    rules = batch["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    (by_code,) = [rule["onExitCodes"] for rule in rules if "onExitCodes" in rule]
    assert by_code["containerName"] == only_container(batch)["name"]
    with pytest.raises(SystemExit) as wrong_arguments:
        parse_batch(["--no-such-option"])
    assert by_code["values"] == [wrong_arguments.value.code]


def test_variables_in_arguments_are_defined():
    endpoints = [
        read(KUBERNETES / "overlays" / name / "endpoints.yaml")["ConfigMap/persona-plug-endpoints"]
        for name in ("kind", "gpu")
    ]
    for file in ("gateway.yaml", "batch.yaml", "mlflow.yaml"):
        for thing in read(BASE / file).values():
            if find_pod(thing) is None:
                continue
            container = only_container(thing)
            used = set(re.findall(r"\$\((\w+)\)", " ".join(container["args"])))
            own = {variable["name"] for variable in container["env"]}
            for values in endpoints:
                assert used <= own | set(values["data"])


@pytest.mark.parametrize("overlay", ["kind", "gpu"])
def test_mlflow_answers_under_the_names_by_which_it_is_asked(overlay):
    config = read(KUBERNETES / "overlays" / overlay / "endpoints.yaml")
    address = config["ConfigMap/persona-plug-endpoints"]["data"]["MLFLOW_TRACKING_URI"]
    words = only_container(read(BASE / "mlflow.yaml")["Deployment/mlflow"])["args"]
    (hosts,) = [word.partition("=")[2].split(",") for word in words if "--allowed-hosts" in word]
    assert address.removeprefix("http://") in hosts
    assert "mlflow.persona-plug:5000" in hosts  # the stacks'


def test_a_pods_label_is_its_service_accounts_name():
    accounts = {name.split("/")[1] for name in read(BASE / "service_accounts.yaml")}
    for file in ("gateway.yaml", "batch.yaml", "mlflow.yaml"):
        for pod in filter(None, map(find_pod, read(BASE / file).values())):
            assert pod.spec["serviceAccountName"] == pod.labels["app.kubernetes.io/name"]
            assert pod.spec["serviceAccountName"] in accounts


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("models:/m-262bef848a1c4846894f59b16fd0ad1f", True),
        ("mlflow-artifacts:/0/f264a122b0234e44a0eca00773c5867e/artifacts/llm", True),
        ("mlflow-artifacts://elsewhere/0/f264/artifacts/llm", False),
        ("file:///etc", False),
        ("s3://other/models:/m-1", False),
        ("models:/persona/1", False),
    ],
)
def test_sources_of_model_versions(source, is_allowed):
    container = only_container(read(BASE / "mlflow.yaml")["Deployment/mlflow"])
    (pattern,) = [one["value"] for one in container["env"] if one["name"].endswith("_REGEX")]
    assert bool(re.search(pattern, source)) == is_allowed


def test_the_document_has_a_command_for_each_secret():
    document = DOCUMENT.read_text()
    for secret in read_secrets():
        if secret.name.endswith("*"):
            continue
        (command,) = re.findall(
            rf"create secret generic {secret.name}\b(?:[^\n]*\\\n)*[^\n]*", document
        )
        keys = re.findall(r"--from-literal=([\w-]+)=", command)
        assert tuple(keys) == secret.keys


def test_the_databases_are_made_and_each_role_reaches_its_own():
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    config = read(KUBERNETES / "overlays" / "kind" / "postgres.yaml")["ConfigMap/postgres-init"]
    with run_postgres(binaries) as address:
        url = make_url(str(address))
        with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("CREATE ROLE postgres SUPERUSER LOGIN"))
        variables = {
            "MLFLOW_PASSWORD": "it's",
            "PERSONA_PLUG_PASSWORD": "b",
            "PGDATABASE": "postgres",
        }
        variables |= {"PGHOST": url.query["host"], "PATH": f"{binaries}:{os.environ['PATH']}"}
        script = config["data"]["databases.sh"]
        subprocess.run(["bash", "-e"], input=script, env=variables, text=True, check=True)
        for role, database in (("mlflow", "mlflow"), ("persona_plug", "persona_keys")):
            own = url.set(username=role, database=database)
            with create_engine(own).begin() as connection:
                connection.execute(text("CREATE TABLE probe (number int)"))
        with pytest.raises(OperationalError, match="permission denied"):
            create_engine(url.set(username="mlflow", database="personas")).connect()
