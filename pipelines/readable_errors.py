"""A pipeline whose errors stand at the end of the output, where its user looks first."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from zenml.client import Client
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.enums import ExecutionMode, StepRuntime
from zenml.pipelines.dynamic.pipeline_definition import DynamicPipeline
from zenml.pipelines.pipeline_definition import Pipeline
from zenml.steps import BaseStep

from components.deployment.config import DeployConfig
from steps.deploy_stack import require_deploy_stack

UNKNOWN = "extra_forbidden"


class ReadableErrors(Pipeline):
    """A wrong parameter is named in the last lines, not a hundred above them."""

    foreign_parameters: frozenset[str] = frozenset()
    """Parameters of another pipeline, which may stand in the same YAML: they are passed over."""

    def _apply_config_parameters(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        found = super()._apply_config_parameters(kwargs)
        return {name: value for name, value in found.items() if name not in self.foreign_parameters}

    def with_options(self, *args: Any, **kwargs: Any) -> Pipeline:
        """Return a copy with these options; what `zenml pipeline run -c` calls.

        Raises:
            ValueError: If the file has a key at the top that ZenML would pass over in silence.
        """
        options = signature(super().with_options).bind(*args, **kwargs).arguments
        if options.get("config_path"):
            check_keys(Path(options["config_path"]), signature(self.entrypoint).parameters)
        return super().with_options(*args, **kwargs)

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Check the parameters and wire the steps.

        Raises:
            ValueError: If a parameter is wrong, and names each field, what came and what is
                allowed; or if the active stack can't deploy as it is told.
        """
        try:
            super().prepare(*args, **kwargs)
        except ValueError as err:
            if isinstance(err.__cause__, ValidationError):
                raise ValueError(describe_errors(err.__cause__)) from None
            raise

    def _prepare_invocations(self, **kwargs: Any) -> None:
        # Now, and not hours later by the last step; a dynamic pipeline's function runs in a pod.
        if isinstance(deploy := kwargs.get("deploy"), DeployConfig):
            require_deploy_stack(deploy)
        super()._prepare_invocations(**kwargs)


class ReadablePipeline(ReadableErrors):
    """ZenML's pipeline, whose steps are known before any runs."""


class ReadableDynamicPipeline(ReadableErrors, DynamicPipeline):
    """ZenML's dynamic pipeline: its function goes on, or not, by what its steps have found."""

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Check the parameters.

        The run reads them back as JSON. Of a model ZenML writes what was set only, which lacks what
        tells the members of a union apart; so they are written here, all of them.
        """
        super().prepare(*args, **kwargs)
        self._parameters = to_jsonable_python(self._parameters)

    def _prepare_invocations(self, **kwargs: Any) -> None:
        super()._prepare_invocations(**kwargs)
        # ZenML would run them all in the orchestrator's pod, which is small and has no GPU.
        if Client().active_stack.orchestrator.can_run_isolated_steps:
            for invocation in self.invocations.values():
                invocation.step.configure(runtime=StepRuntime.ISOLATED)


def readable_pipeline(
    function: Callable[..., None],
    reads_yaml_of: ReadableErrors | None = None,
    passes_over: Iterable[str] = (),
    depends_on: Sequence[BaseStep] | None = None,
) -> ReadablePipeline | ReadableDynamicPipeline:
    """Make a pipeline; a step that fails ends the run, and its error is the run's error.

    Args:
        function: Wires the steps.
        reads_yaml_of: A pipeline whose YAML files serve this one too.
        passes_over: Parameters of pipelines that read this one's YAML files, and may stand there.
        depends_on: Makes it dynamic: the steps that it may run, which a YAML may configure.
    """
    name, mode = function.__name__, ExecutionMode.FAIL_FAST
    pipeline: ReadablePipeline | ReadableDynamicPipeline
    if depends_on is None:
        pipeline = ReadablePipeline(name=name, entrypoint=function, execution_mode=mode)
    else:
        pipeline = ReadableDynamicPipeline(
            name=name, entrypoint=function, execution_mode=mode, depends_on=list(depends_on)
        )
    pipeline.__doc__ = function.__doc__
    foreign = set(passes_over)
    if reads_yaml_of is not None:
        theirs = signature(reads_yaml_of.entrypoint).parameters
        foreign |= set(theirs) | reads_yaml_of.foreign_parameters
    pipeline.foreign_parameters = frozenset(foreign - set(signature(function).parameters))
    return pipeline


def check_keys(path: Path, parameters: Iterable[str]) -> None:
    """Refuse a run's YAML with keys at the top that are none of ZenML's.

    Args:
        path: The file.
        parameters: Names of the pipeline's parameters, which stand one level lower.

    Raises:
        ValueError: If there is such a key; names file, key and what it may have been meant to be.
    """
    with path.open(encoding="utf-8") as file:
        document = yaml.safe_load(file)
    if not isinstance(document, dict):
        raise ValueError(
            f"{path}: expected keys at the top, like 'parameters', got {type(document).__name__}"
        )
    allowed = PipelineRunConfiguration.model_fields
    meant = {name: f"{name!r} under 'parameters'" for name in parameters}
    meant |= {name: repr(name) for name in allowed}
    lines = []
    for key in (key for key in document if key not in allowed):
        near = get_close_matches(str(key), meant, n=1)
        hint = f"did you mean {meant[near[0]]}?" if near else f"allowed are {sorted(allowed)}"
        lines.append(f"  {key!r}: ZenML knows no such key; {hint}")
    if lines:
        raise ValueError("\n".join([f"{path}: wrong keys at the top:", *lines]))


def describe_errors(error: ValidationError) -> str:
    """Write one line for each wrong field."""
    lines = []
    for wrong in error.errors():
        # Among the names of fields stand pydantic's of the types that were tried.
        field = ".".join(str(part) for part in wrong["loc"] if "[" not in str(part))
        message = "there is no such setting" if wrong["type"] == UNKNOWN else wrong["msg"]
        lines.append(f"  {field}: {message}; it says {wrong['input']!r:.200}")
    return "\n".join(["wrong parameters of the pipeline:", *lines])
