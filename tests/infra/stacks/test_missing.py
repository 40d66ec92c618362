"""What is missing, asked of an HTTP server on this machine that knows some names."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import pytest
import yaml

from infra.stacks.missing import find_gaps
from infra.stacks.names import ArtifactStoreNames, ClusterNames, MLflowNames, StackNames, read_names
from tests.infra.stacks.test_names import SHIPPED

NAMESPACE = "/api/v1/namespaces/persona-plug"
ANSWERS = {
    "/health": 200,
    f"{NAMESPACE}/serviceaccounts/persona-plug-pipeline": 200,
    f"{NAMESPACE}/configmaps/persona-plug-endpoints": 200,
    f"{NAMESPACE}/secrets/object-store": 200,
    f"{NAMESPACE}/secrets/persona-plug-custody": 403,
}


class Handler(BaseHTTPRequestHandler):
    """Answers as `ANSWERS` says, and 404 to the rest."""

    def do_GET(self) -> None:
        self.send_response(ANSWERS.get(self.path, 404))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as answering:
        Thread(target=answering.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{answering.server_port}"
        answering.shutdown()


@pytest.fixture
def names(
    zenml_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> StackNames:
    """Names of a cluster that the server stands for, in a kubeconfig of its own."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "here", "cluster": {"server": server}},
            {"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "me", "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "me"}}
            for name in ("here", "nowhere")
        ],
        "current-context": "here",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    shipped = read_names(SHIPPED)
    return shipped.model_copy(
        update={
            "cluster": ClusterNames(context="here"),
            "mlflow": MLflowNames(address=server),
            "artifact_store": ArtifactStoreNames(path="gs://bucket"),
        }
    )


def test_what_is_not_there_is_missing(names: StackNames) -> None:
    gaps = find_gaps(names)

    packages = [line for line in gaps.missing if line.startswith("the package")]
    assert [line.split(",")[0] for line in packages] == [
        f"the package {name}" for name in ("gcsfs", "google.cloud.storage") if not installed(name)
    ]
    others = [line for line in gaps.missing if line not in packages]
    assert others[0].startswith("a remote ZenML server")
    assert others[1:] == [
        "the service account persona-plug-step in namespace persona-plug",
        "the Secret persona-plug-database in namespace persona-plug",
    ]


def installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_what_may_not_be_read_is_not_called_missing(names: StackNames) -> None:
    assert find_gaps(names).unchecked == [
        "the Secret persona-plug-custody: the cluster says Forbidden"
    ]


def test_what_does_not_answer_is_told_once(names: StackNames) -> None:
    away = names.model_copy(
        update={
            "cluster": ClusterNames(context="nowhere"),
            "mlflow": MLflowNames(address="http://127.0.0.1:9"),
        }
    )
    mlflow, cluster = find_gaps(away).unchecked

    assert mlflow.startswith("MLflow at http://127.0.0.1:9: can't be reached from here")
    assert cluster.startswith("the cluster: can't be reached")


def test_an_unknown_context_is_told(names: StackNames) -> None:
    away = names.model_copy(update={"cluster": ClusterNames(context="elsewhere")})
    [line] = find_gaps(away).unchecked
    assert "elsewhere" in line
