"""A cluster as deployments use it: objects are applied on the server, under a manager of our own.

What a field's manager is, the API server keeps: a field that a person has set since (`kubectl
edit`) is hers, and an apply that would change it is refused. The refusal names field and person.
"""

import http.client
import json
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Self

from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
from kubernetes.stream import portforward

from components.deployment.deploy import DeployError
from components.deployment.manifests import Object, name_of
from components.deployment.patient_client import PatientClient

MANAGER = "persona-plug"
"""Who we are among the managers of fields."""
DRY_RUN = "All"
LOG_LINES = 15
REQUEST_SECONDS = 120


class Cluster:
    """One namespace of a cluster.

    Args:
        settings: How its API is reached.
        namespace: Where all objects are.
    """

    def __init__(self, settings: client.Configuration, namespace: str) -> None:
        self.namespace = namespace
        self._api = api = PatientClient(settings)
        self._core, self._apps = client.CoreV1Api(api), client.AppsV1Api(api)
        # Which kinds there are it would else keep in a file of /tmp that anybody may have written.
        self._kinds = TemporaryDirectory(prefix="persona-plug-kinds-")
        self._dynamic = DynamicClient(api, cache_file=f"{self._kinds.name}/kinds.json")

    @classmethod
    def connect(cls, context: str | None, namespace: str) -> Self:
        """Connect by the kubeconfig, or within a pod by its service account.

        Raises:
            DeployError: If there is neither, or the cluster doesn't answer.
        """
        settings = client.Configuration()
        try:
            try:
                config.load_kube_config(context=context, client_configuration=settings)
            except ConfigException:
                if context is not None:
                    raise
                config.load_incluster_config(client_configuration=settings)
            return cls(settings, namespace)
        except ConfigException as err:
            raise DeployError(f"no way to a cluster: {err}") from err
        except Exception as err:  # urllib3's, of many kinds
            raise DeployError(f"the cluster doesn't answer: {type(err).__name__}: {err}") from err

    def insist(self, seconds: float) -> None:
        """Ask again for so many seconds from now on where the API server doesn't answer."""
        self._api.insist(seconds)

    def apply(self, thing: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        """Apply an object; returns it as the API server has it then.

        Args:
            thing: The object. Fields that we applied before and are not in it are removed.
            force: Whether fields of other managers are taken over.
            dry_run: Whether all is checked, and nothing stored.

        Raises:
            DeployError: If it is refused; of a conflict, names fields and managers.
        """
        options = {"dry_run": DRY_RUN} if dry_run else {}
        apply = partial(
            self._dynamic.server_side_apply,
            body=thing,
            namespace=self.namespace,
            field_manager=MANAGER,
            force_conflicts=force,
            **options,
        )
        return self._call(thing, apply)

    def create(self, thing: Object) -> Object:
        """Create an object; returns it as the API server has it then.

        Raises:
            DeployError: If it is refused, as one that is there already.
        """
        return self._write("create", thing)

    def replace(self, thing: Object) -> Object:
        """Put an object in the place of the one that was read; returns it.

        Raises:
            DeployError: If it is refused, as one that has changed since it was read.
        """
        return self._write("replace", thing)

    def _write(self, verb: str, thing: Object) -> Object:
        write = getattr(self._dynamic, verb)
        options = {"namespace": self.namespace, "field_manager": MANAGER}
        return self._call(thing, partial(write, body=thing, **options))

    def find(self, thing: Object) -> Object | None:
        """Return an object of the same kind and name as it is; None if there is none."""
        name = thing["metadata"]["name"]
        try:
            return self._call(
                thing, partial(self._dynamic.get, name=name, namespace=self.namespace)
            )
        except _MissingError:
            return None

    def delete(self, thing: Object) -> None:
        """Delete an object and what it owns, if it is there."""
        delete = partial(
            self._dynamic.delete,
            name=thing["metadata"]["name"],
            namespace=self.namespace,
            propagation_policy="Background",
        )
        try:
            self._call(thing, delete)
        except _MissingError:
            return

    def list_pods(self, selector: str) -> list[Object]:
        """Return the pods that a label selector takes."""
        return self._list(self._core.list_namespaced_pod, selector)

    def list_replica_sets(self, selector: str) -> list[Object]:
        """Return the ReplicaSets that a label selector takes."""
        return self._list(self._apps.list_namespaced_replica_set, selector)

    def _list(self, call: Callable[..., Any], selector: str) -> list[Object]:
        listed = call(self.namespace, label_selector=selector)
        return [self._api.sanitize_for_serialization(one) for one in listed.items]

    def read_log(self, pod: str, container: str) -> str:
        """Return the last lines of a container that has ended, or of the one that runs."""
        for previous in (True, False):
            try:
                answered = self._core.read_namespaced_pod_log(
                    pod,
                    self.namespace,
                    container=container,
                    previous=previous,
                    tail_lines=LOG_LINES,
                    _preload_content=False,  # else it is the text of a Python literal: b'...'
                )
                return str(answered.data.decode("utf-8", "replace"))
            except client.ApiException:
                continue  # there is no earlier one, or none at all yet
        return "(no log)"

    def forward(self, pod: str, port: int) -> http.client.HTTPConnection:
        """Return an HTTP connection to a pod's own port, by way of the API server."""
        return _ForwardedConnection(self._core, self.namespace, pod, port)

    def _call(self, thing: Object, call: Callable[..., Any]) -> Object:
        """Call the API for an object's kind.

        Raises:
            DeployError: If the API refuses; says why.
            _MissingError: If there is no such object.
        """
        try:
            kind = self._dynamic.resources.get(api_version=thing["apiVersion"], kind=thing["kind"])
            answered: Object = call(kind).to_dict()
        except ResourceNotFoundError as err:
            kind_name = f"{thing['apiVersion']} {thing['kind']}"
            raise DeployError(f"{name_of(thing)}: the cluster knows no {kind_name}") from err
        except NotFoundError as err:
            raise _MissingError(f"{name_of(thing)}: {read_status(err)['message']}") from err
        except DynamicApiError as err:
            raise DeployError(f"{name_of(thing)}: {explain_refusal(err)}") from err
        return answered


class _MissingError(DeployError):
    """There is no such object, or the namespace isn't there."""


def read_status(error: DynamicApiError) -> Object:
    """Return what the API server said of an error."""
    try:
        status = json.loads(error.body)
    except (TypeError, ValueError):
        status = {}
    return {"message": str(error.reason), **status} if isinstance(status, dict) else {}


def explain_refusal(error: DynamicApiError) -> str:
    """Say why the API refused an object, for the operator."""
    status = read_status(error)
    causes = (status.get("details") or {}).get("causes") or []
    conflicts = [one for one in causes if one.get("reason") == "FieldManagerConflict"]
    if not conflicts:
        return f"HTTP {error.status}: {status['message']}"
    fields = "; ".join(f"{one['field']} ({one['message']})" for one in conflicts)
    return (
        f"somebody else has set what would be changed: {fields}. Put it into the manifests, or "
        "take it over by deploy.kubernetes.force: true"
    )


class _ForwardedConnection(http.client.HTTPConnection):
    """HTTP through a port-forward, as `kubectl port-forward` makes it."""

    def __init__(self, core: client.CoreV1Api, namespace: str, pod: str, port: int) -> None:
        super().__init__(f"{pod}.{namespace}", port, timeout=REQUEST_SECONDS)
        self._core, self._namespace, self._pod = core, namespace, pod

    def connect(self) -> None:
        """Open the way through the API server."""
        forward = portforward(
            self._core.connect_get_namespaced_pod_portforward,
            self._pod,
            self._namespace,
            ports=str(self.port),
        )
        self.sock = forward.socket(self.port)
        self.sock.settimeout(self.timeout)
