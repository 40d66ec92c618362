"""The double's HTTP server, and the kubeconfig by which clients find it.

    python -m tests.cluster.double.api KUBECONFIG [IMAGE ...]

writes a kubeconfig and serves until it is killed. With images there is a node, and containers of
these images are run as processes of this machine.
"""

import base64
import hashlib
import json
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock, Thread
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.cluster.double.controllers import Controllers
from tests.cluster.double.kubelet import Image, Kubelet
from tests.cluster.double.port_forward import forward
from tests.cluster.double.store import RESOURCES, VERSION, RefusedError, Resource, Store

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERBS = ["create", "delete", "get", "list", "patch", "update"]
MERGES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
BUILD = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")
HANG_SECONDS = 3
Object = dict[str, Any]
Trouble = Literal["", "busy", "drop", "hang", "lose"]
"""Of a request: HTTP 503; not answered, at once or after a while; done, and the answer is lost."""


class Place(NamedTuple):
    """What a path means."""

    resource: Resource
    namespace: str
    name: str | None
    part: str | None


class ApiDouble:
    """The API in this process.

    Args:
        images: What the one node does for an image; None: there is no node.
    """

    def __init__(self, images: dict[str, Image] | None = None) -> None:
        self.lock = RLock()
        self.kubelet = None if images is None else Kubelet(images)
        self.controllers = Controllers(self.kubelet)
        self.store = Store(self.controllers.react)
        self.controllers.store, self.controllers.lock = self.store, self.lock
        self.errors: list[str] = []
        self.troubles: list[Trouble] = []
        """Of the next requests."""
        if images is not None:
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "double"}}
            self.store.update({**node, "status": ready}, "", "kubelet")
        self.server = DoubleServer(self)

    def __enter__(self) -> "ApiDouble":
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        if self.kubelet is not None:
            self.kubelet.close()
        assert self.errors == [], "\n".join(self.errors)

    def write_kubeconfig(self, path: Path) -> Path:
        """Write how it is reached."""
        address = f"http://127.0.0.1:{self.server.server_port}"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "double",
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": "me"}}],
            "clusters": [{"name": "double", "cluster": {"server": address}}],
            "users": [{"name": "me", "user": {"token": "nobody asks"}}],
        }
        path.write_text(yaml.safe_dump(document))
        return path


def discover(path: str) -> Object | None:
    """Return what a client asks to learn of the API; None if it is something else."""
    versions = sorted({one.api_version for one in RESOURCES} - {"v1"})
    if path == "/version":
        major, minor = VERSION.split(".")
        build = dict.fromkeys(BUILD, "unknown")
        return {**build, "major": major, "minor": minor, "gitVersion": f"v{VERSION}.0"}
    if path == "/apis":
        groups = []
        for version in versions:
            one = {"groupVersion": version, "version": version.partition("/")[2]}
            name = version.partition("/")[0]
            groups.append({"name": name, "versions": [one], "preferredVersion": one})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in {"v1", *versions}:
        return None
    resources = [
        {
            "name": one.plural,
            "singularName": one.kind.lower(),
            "namespaced": one.is_namespaced,
            "kind": one.kind,
            "verbs": VERBS,
        }
        for one in RESOURCES
        if one.api_version == version
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version,
            "resources": resources}  # fmt: skip


def find_place(path: str) -> Place:
    """Read a path: /api/v1/namespaces/N/pods/P/log."""
    parts = path.strip("/").split("/")
    start = 2 if parts[0] == "api" else 3
    version, rest = "/".join(parts[1:start]), parts[start:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    for resource in RESOURCES:
        if (resource.api_version, resource.plural) == (version, rest[0]):
            more = [*rest[1:], None, None]
            return Place(resource, namespace, more[0], more[1])
    raise RefusedError(404, "NotFound", "the server could not find the requested resource")


def merge(live: Any, patch: Any) -> Any:
    """Merge a patch (RFC 7386)."""
    if not isinstance(patch, dict) or not isinstance(live, dict):
        return patch
    merged = dict(live)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(live.get(key), value)
    return merged


def holds_lists(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else ()
    return isinstance(value, list) or any(holds_lists(one) for one in inner)


def drop_nulls(value: Any) -> Any:
    """Leave out what is null: to an API server it isn't there, whatever its name."""
    if isinstance(value, dict):
        return {key: drop_nulls(one) for key, one in value.items() if one is not None}
    return [drop_nulls(one) for one in value] if isinstance(value, list) else value


def answer(
    double: ApiDouble, method: str, place: Place, query: Object, kind: str, body: Any
) -> Any:
    """Answer a request."""
    store, resource = double.store, place.resource
    manager, is_dry = query.get("fieldManager", "unknown"), "dryRun" in query
    if method == "GET" and place.part == "log":
        assert double.kubelet is not None
        return double.kubelet.logs.get(str(place.name), "")
    if method == "GET" and place.name is None:
        things = store.select(resource.kind, place.namespace, query.get("labelSelector", ""))
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": "1"}, "items": things}  # fmt: skip
    if method == "GET":
        return store.get(resource.kind, place.namespace, str(place.name))
    if method == "DELETE":
        gone = store.delete(resource.kind, place.namespace, str(place.name))
        double.controllers.clean_up(gone)
        return gone
    if method == "PATCH" and kind == "application/apply-patch+yaml":
        force = query.get("force") == "True" or query.get("force") == "true"
        return store.apply(yaml.safe_load(body), place.namespace, manager, force, is_dry)
    given = json.loads(body)
    if method == "PATCH":
        assert kind in MERGES, f"the double can't merge by {kind}"
        assert kind == MERGES[0] or not holds_lists(given), "the double can't merge lists by key"
        given = merge(store.get(resource.kind, place.namespace, str(place.name)), given)
    elif method == "POST":
        given = drop_nulls({"apiVersion": resource.api_version, "kind": resource.kind, **given})
        store.require_absent(resource.kind, place.namespace, given["metadata"]["name"])
    else:
        store.require_unchanged(resource.kind, place.namespace, str(place.name), given)
    return store.update(given, place.namespace, manager)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: "DoubleServer"

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        split = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(split.query).items()}
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.forward(find_place(split.path), int(query["ports"]))
            return
        troubles = self.server.double.troubles
        trouble = troubles.pop(0) if troubles else ""
        if trouble == "busy":
            self.send(503, RefusedError(503, "ServiceUnavailable", "the server is starting").status)
            return
        if trouble in ("drop", "hang"):
            time.sleep(HANG_SECONDS if trouble == "hang" else 0)
            self.close_connection = True
            return
        try:
            answered = self.find_answer(split.path, query, body)
            if trouble == "lose":
                self.close_connection = True
                return
            self.send(200, answered)
        except RefusedError as err:
            self.send(err.status["code"], err.status)
        except Exception:
            self.server.double.errors.append(traceback.format_exc())
            self.send(500, RefusedError(500, "InternalError", traceback.format_exc()).status)

    def find_answer(self, path: str, query: Object, body: str) -> Any:
        if self.command == "GET" and (found := discover(path.rstrip("/"))) is not None:
            return found
        kind = self.headers.get("Content-Type", "")
        with self.server.double.lock:
            return answer(self.server.double, self.command, find_place(path), query, kind, body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

    def send(self, code: int, content: Any) -> None:
        is_text = isinstance(content, str)
        sent = (content if is_text else json.dumps(content)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def forward(self, place: Place, port: int) -> None:
        accept = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + WEBSOCKET_GUID).encode())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept.digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        assert self.server.double.kubelet is not None
        forward(self.connection, port, self.server.double.kubelet.ports[str(place.name)])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class DoubleServer(ThreadingHTTPServer):
    """The server of a double."""

    daemon_threads = True

    def __init__(self, double: ApiDouble) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.double = double


def main() -> None:
    """Serve until the process is killed."""
    images: dict[str, Image] = dict.fromkeys(sys.argv[2:], "run")
    double = ApiDouble(images or None)
    double.write_kubeconfig(Path(sys.argv[1]))
    double.server.serve_forever()


if __name__ == "__main__":
    main()
