"""What we ask of every pod beyond Pod Security: pure functions of the pod."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping

from infra.manifests.objects import Object, Pod, Violation, containers_of, name_of

GPU = "nvidia.com/gpu"
TOKEN_ACCOUNTS = frozenset({"persona-plug-pipeline"})
"""Service accounts whose pods talk to the Kubernetes API."""
LONG_RUNNING = ("DaemonSet", "Deployment", "StatefulSet")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
SECRET_NAME = re.compile(
    r"PASSW|(?:^|[_.-])(?:SECRET|TOKENS?|CREDENTIALS?|KEY)(?:[_.-]|$)", re.IGNORECASE
)
NO_SECRET = re.compile(r"|\d+|true|false", re.IGNORECASE)
"""A switch or a number is none."""
SECRET_IN_ADDRESS = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
RUN_TOKEN = "ZENML_STORE_API_TOKEN"
ISOLATED_STEP = "step_run_id"
"""ZenML's label of the pods of a dynamic pipeline's steps."""
IMAGE = re.compile(r"[^@]+?(?::(?P<tag>\w[\w.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")


def check_pod(
    pod: Pod, accounts: Mapping[str, Object], gpu_owners: Collection[str]
) -> list[Violation]:
    """Return what our policies have against a pod.

    Args:
        pod: The pod.
        accounts: The service accounts of its namespace, by name.
        gpu_owners: Who must ask for a GPU, as `name_of`; nobody else may.
    """
    violations = [violation for rule in RULES for violation in rule(pod)]
    violations += _check_token(pod, accounts)
    violations += _check_gpu(pod, name_of(pod.owner) in gpu_owners)
    return violations


def _require_resources(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        resources = container.get("resources") or {}
        for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if name not in (resources.get(kind) or {}):
                yield Violation(f"{path}.resources.{kind}.{name}", "is missing")


def _require_fixed_image(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        match = IMAGE.fullmatch(container.get("image") or "")
        if match is None or not (match["tag"] or match["digest"]):
            yield Violation(f"{path}.image", f"{container.get('image')!r} has no tag and no digest")
        elif match["tag"] == "latest":
            yield Violation(f"{path}.image", "must not be latest: it would change by itself")


def _forbid_clear_secrets(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        for index, variable in enumerate(container.get("env") or ()):
            if is_run_token(pod, variable):
                continue
            if looks_secret(variable["name"], variable.get("value") or ""):
                field = f"{path}.env[{index}].value"
                yield Violation(field, f"{variable['name']} must come from a Secret")
        for key in ("command", "args"):
            for index, word in enumerate(container.get(key) or ()):
                if SECRET_IN_ADDRESS.search(word):
                    yield Violation(f"{path}.{key}[{index}]", "holds a password in an address")


def shows_run_token(pod: Pod) -> bool:
    """Tell whether a run's token of ZenML's server stands in the pod in clear."""
    return any(
        is_run_token(pod, variable)
        for _, container in containers_of(pod)
        for variable in container.get("env") or ()
    )


def is_run_token(pod: Pod, variable: Object) -> bool:
    """Tell whether a variable is the one secret in clear that is let pass, and told in the table.

    ZenML 0.98 writes it into the Jobs of isolated steps, and has no setting against it.
    """
    is_token = variable["name"] == RUN_TOKEN and bool(variable.get("value"))
    return is_token and ISOLATED_STEP in pod.labels


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a variable holds a secret: by its name, or as an address with a password."""
    if SECRET_IN_ADDRESS.search(value):
        return True
    return bool(SECRET_NAME.search(name)) and not NO_SECRET.fullmatch(value)


def _require_probes(pod: Pod) -> Iterator[Violation]:
    if pod.owner["kind"] not in LONG_RUNNING:
        return
    for path, container in containers_of(pod):
        if ".containers[" in path:
            for probe in PROBES:
                if not container.get(probe):
                    yield Violation(f"{path}.{probe}", "is missing")


def _require_read_only_root(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        context = container.get("securityContext") or {}
        if context.get("readOnlyRootFilesystem") is not True:
            yield Violation(f"{path}.securityContext.readOnlyRootFilesystem", "must be true")


RULES: tuple[Callable[[Pod], Iterator[Violation]], ...] = (
    _require_resources,
    _require_fixed_image,
    _forbid_clear_secrets,
    _require_probes,
    _require_read_only_root,
)


def _check_token(pod: Pod, accounts: Mapping[str, Object]) -> Iterator[Violation]:
    """A pod's own word comes before its service account's; without either the token is mounted."""
    name = pod.spec.get("serviceAccountName") or "default"
    mounts = pod.spec.get("automountServiceAccountToken")
    if mounts is None:
        mounts = accounts.get(name, {}).get("automountServiceAccountToken")
    if mounts is not False and name not in TOKEN_ACCOUNTS:
        message = f"must be false: {name} is none of {sorted(TOKEN_ACCOUNTS)}"
        yield Violation(f"{pod.path}spec.automountServiceAccountToken", message)


def _check_gpu(pod: Pod, is_wanted: bool) -> Iterator[Violation]:
    """GPUs are limits (requests follow them), and their nodes are tainted."""
    asked = []
    for path, container in containers_of(pod):
        resources = container.get("resources") or {}
        limit = (resources.get("limits") or {}).get(GPU)
        request = (resources.get("requests") or {}).get(GPU, limit)
        if limit is None and request is None:
            continue
        asked.append(path)
        if str(limit) != str(request):
            message = f"limit {limit} and request {request} must be the same"
            yield Violation(f"{path}.resources.limits.{GPU}", message)
    if asked and not is_wanted:
        yield Violation(f"{asked[0]}.resources.limits.{GPU}", "nothing here needs a GPU")
    if is_wanted and not asked:
        yield Violation(f"{pod.path}spec.containers[0].resources.limits.{GPU}", "is missing")
    keys = [one.get("key") for one in pod.spec.get("tolerations") or ()]
    if asked and GPU not in keys:
        yield Violation(f"{pod.path}spec.tolerations", f"must tolerate the taint {GPU}")
