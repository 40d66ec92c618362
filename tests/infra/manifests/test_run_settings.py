import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifests.run_settings import check_settings, find_unknown_keys
from infra.stacks.repository import REPOSITORY

CONFIGS = sorted((REPOSITORY / "configs").glob("*.yaml"))
KUBERNETES = yaml.safe_load((REPOSITORY / "configs" / "kubernetes.yaml").read_text())
PODS = ("settings", "orchestrator.kubernetes", "pod_settings")
STEP = ("steps", "train_user_embedder")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_key_of_the_shipped_configs_is_known(path: Path) -> None:
    check_settings(path)


@pytest.mark.parametrize(
    ("place", "key", "said"),
    [
        ((), "seting", "seting: did you mean 'settings'?"),
        (("retry",), "max_retry", "retry.max_retry: did you mean 'max_retries'?"),
        (("settings",), "orchestrator.kubernets", "did you mean 'orchestrator.kubernetes'?"),
        (("settings", "docker"), "skip_bild", "did you mean 'skip_build'?"),
        (PODS[:2], "concurency_policy", "did you mean 'concurrency_policy'?"),
        (PODS, "node_selector", "pod_settings.node_selector: did you mean 'node_selectors'?"),
        ((*PODS, "container_security_context"), "run_as_user", "did you mean 'runAsUser'?"),
        ((*PODS, "volumes", 0, "emptyDir"), "sizeLimits", "volumes[0].emptyDir.sizeLimits: did"),
        ((*PODS, "additional_pod_spec_args"), "securityContext", "did you mean 'security_context'"),
        (
            (*PODS, "additional_pod_spec_args", "security_context"),
            "run_as_user",
            "additional_pod_spec_args.security_context.run_as_user: did you mean 'runAsUser'?",
        ),
        ((*PODS[:2], "pod_failure_policy", "rules", 0), "onExitCode", "rules[0].onExitCode: did"),
        (STEP, "setings", "steps.train_user_embedder.setings: did you mean 'settings'?"),
        ((*STEP, "retry"), "times", "steps.train_user_embedder.retry.times: allowed are"),
        (
            (*STEP, *PODS, "tolerations", 0),
            "op",
            "steps.train_user_embedder.settings.orchestrator.kubernetes.pod_settings"
            ".tolerations[0].op: ",
        ),
    ],
)
def test_a_wrong_key_is_named(place: tuple[str | int, ...], key: str, said: str) -> None:
    document = copy.deepcopy(KUBERNETES)
    level: Any = document
    for one in place:
        level = level[one]
    level[key] = {}
    lines = list(find_unknown_keys(document))

    assert any(said in line for line in lines)
    # An anchor's content stands in several places, once for each step.
    assert {line.split(": ")[0].rsplit(".", 1)[-1] for line in lines} == {key.rsplit(".", 1)[-1]}


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("retry: {tries: 3}")
    with pytest.raises(ValueError, match=rf"{path}: unknown keys:\n  retry.tries: did you mean"):
        check_settings(path)
