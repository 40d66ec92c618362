"""Pod Security Standard "restricted", with "baseline" that it includes, as pure functions.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ for Linux pods, read
beside the admission plug-in's own checks (kubernetes/kubernetes,
staging/src/k8s.io/pod-security-admission/policy, version 1.34 and later). The relaxations for pods
with user namespaces and for Windows are left out: nothing of ours may need them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from infra.manifests.objects import Object, Pod, Violation, containers_of

VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
PROFILES = ("RuntimeDefault", "Localhost")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
HANDLERS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


def check_restricted(pod: Pod) -> list[Violation]:
    """Return everything for which a namespace that enforces "restricted" would refuse a pod."""
    return [violation for rule in RULES for violation in rule(pod)]


def _forbid_host_namespaces(pod: Pod) -> Iterator[Violation]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield Violation(f"{pod.path}spec.{key}", "must not be true")


def _forbid_privileged(pod: Pod) -> Iterator[Violation]:
    for path, context in _container_contexts(pod):
        if context.get("privileged"):
            yield Violation(f"{path}.privileged", "must not be true")


def _forbid_host_process(pod: Pod) -> Iterator[Violation]:
    for path, context in _contexts(pod):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield Violation(f"{path}.windowsOptions.hostProcess", "must not be true")


def _forbid_host_ports(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        for index, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort"):
                yield Violation(f"{path}.ports[{index}].hostPort", "must not be set")


def _forbid_handlers_hosts(pod: Pod) -> Iterator[Violation]:
    for path, container in containers_of(pod):
        for keys in HANDLERS:
            handler: Any = container
            for key in keys:
                handler = handler.get(key) or {}
            for action in ("httpGet", "tcpSocket"):
                if (handler.get(action) or {}).get("host"):
                    field = ".".join((path, *keys, action, "host"))
                    yield Violation(field, "must not be set: kubelet would ask another host")


def _forbid_apparmor_off(pod: Pod) -> Iterator[Violation]:
    for path, context in _contexts(pod):
        profile = context.get("appArmorProfile") or {}
        if profile and profile.get("type") not in PROFILES:
            yield Violation(f"{path}.appArmorProfile.type", f"must be one of {PROFILES}")
    for key, value in (pod.metadata.get("annotations") or {}).items():
        is_allowed = value in ("", "runtime/default") or value.startswith("localhost/")
        if key.startswith(APPARMOR) and not is_allowed:
            field = f"{pod.path}metadata.annotations.{key}"
            yield Violation(field, "must be runtime/default or localhost/...")


def _forbid_selinux_options(pod: Pod) -> Iterator[Violation]:
    for path, context in _contexts(pod):
        options = context.get("seLinuxOptions") or {}
        if (options.get("type") or "") not in SELINUX_TYPES:
            yield Violation(f"{path}.seLinuxOptions.type", f"must be one of {SELINUX_TYPES}")
        for key in ("user", "role"):
            if options.get(key):
                yield Violation(f"{path}.seLinuxOptions.{key}", "must not be set")


def _require_default_proc_mount(pod: Pod) -> Iterator[Violation]:
    for path, context in _container_contexts(pod):
        if context.get("procMount") not in (None, "Default"):
            yield Violation(f"{path}.procMount", "must be Default")


def _require_safe_sysctls(pod: Pod) -> Iterator[Violation]:
    context = pod.spec.get("securityContext") or {}
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        if sysctl.get("name") not in SYSCTLS:
            field = f"{pod.path}spec.securityContext.sysctls[{index}].name"
            yield Violation(field, f"{sysctl.get('name')} is none of the safe ones")


def _require_volume_types(pod: Pod) -> Iterator[Violation]:
    for index, volume in enumerate(pod.spec.get("volumes") or ()):
        kinds = [key for key in volume if key != "name"]
        if len(kinds) != 1 or kinds[0] not in VOLUMES:  # two of them the API server refuses itself
            message = f"{kinds}: a volume must be one of {VOLUMES}"
            yield Violation(f"{pod.path}spec.volumes[{index}]", message)


def _forbid_privilege_escalation(pod: Pod) -> Iterator[Violation]:
    for path, context in _container_contexts(pod):
        if context.get("allowPrivilegeEscalation") is not False:
            yield Violation(f"{path}.allowPrivilegeEscalation", "must be false")


def _require_non_root(pod: Pod) -> Iterator[Violation]:
    yield from _require_of_each(pod, "runAsNonRoot", lambda value: value is True, "must be true")
    for path, context in _contexts(pod):
        if context.get("runAsUser") == 0:
            yield Violation(f"{path}.runAsUser", "must not be 0")


def _require_seccomp(pod: Pod) -> Iterator[Violation]:
    yield from _require_of_each(
        pod,
        "seccompProfile",
        lambda value: value.get("type") in PROFILES,
        f"its type must be one of {PROFILES}",
    )


def _require_dropped_capabilities(pod: Pod) -> Iterator[Violation]:
    for path, context in _container_contexts(pod):
        capabilities = context.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield Violation(f"{path}.capabilities.drop", "must hold ALL")
        if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            yield Violation(f"{path}.capabilities.add", "must hold nothing but NET_BIND_SERVICE")


RULES: tuple[Callable[[Pod], Iterator[Violation]], ...] = (
    _forbid_host_namespaces,
    _forbid_privileged,
    _forbid_host_process,
    _forbid_host_ports,
    _forbid_handlers_hosts,
    _forbid_apparmor_off,
    _forbid_selinux_options,
    _require_default_proc_mount,
    _require_safe_sysctls,
    _require_volume_types,
    _forbid_privilege_escalation,
    _require_non_root,
    _require_seccomp,
    _require_dropped_capabilities,
)


def _container_contexts(pod: Pod) -> Iterator[tuple[str, Object]]:
    for path, container in containers_of(pod):
        yield f"{path}.securityContext", container.get("securityContext") or {}


def _contexts(pod: Pod) -> Iterator[tuple[str, Object]]:
    """Yield path and content of the pod's security context and of its containers'."""
    yield f"{pod.path}spec.securityContext", pod.spec.get("securityContext") or {}
    yield from _container_contexts(pod)


def _require_of_each(
    pod: Pod, key: str, is_allowed: Callable[[Any], bool], message: str
) -> Iterator[Violation]:
    """Require a value of every container, which counts as the pod's where it has none.

    Args:
        pod: The pod.
        key: Of a security context.
        is_allowed: Tells whether a value is.
        message: What is allowed.
    """
    (pod_path, pod_context), *containers = _contexts(pod)
    own = pod_context.get(key)
    if own is not None and not is_allowed(own):
        yield Violation(f"{pod_path}.{key}", message)
    is_covered = own is not None and is_allowed(own)
    for path, context in containers:
        value = context.get(key)
        if not (is_covered if value is None else is_allowed(value)):
            yield Violation(f"{path}.{key}", message)
