"""A pipeline whose errors stand at the end of the output, where its user looks first."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from zenml.enums import ExecutionMode
from zenml.pipelines.pipeline_definition import Pipeline

UNKNOWN = "extra_forbidden"


class ReadablePipeline(Pipeline):
    """ZenML's pipeline; a wrong parameter is named in the last lines, not a hundred above them."""

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Check the parameters and wire the steps.

        Raises:
            ValueError: If a parameter is wrong; names each field, what came and what is allowed.
        """
        try:
            super().prepare(*args, **kwargs)
        except ValueError as err:
            if isinstance(err.__cause__, ValidationError):
                raise ValueError(describe_errors(err.__cause__)) from None
            raise


def readable_pipeline(function: Callable[..., None]) -> ReadablePipeline:
    """Make a pipeline; a step that fails ends the run, and its error is the run's error."""
    pipeline = ReadablePipeline(
        name=function.__name__, entrypoint=function, execution_mode=ExecutionMode.FAIL_FAST
    )
    pipeline.__doc__ = function.__doc__
    return pipeline


def describe_errors(error: ValidationError) -> str:
    """Write one line for each wrong field."""
    lines = []
    for wrong in error.errors():
        # Among the names of fields stand pydantic's of the types that were tried.
        field = ".".join(str(part) for part in wrong["loc"] if "[" not in str(part))
        message = "there is no such setting" if wrong["type"] == UNKNOWN else wrong["msg"]
        lines.append(f"  {field}: {message}; it says {wrong['input']!r:.200}")
    return "\n".join(["wrong parameters of the pipeline:", *lines])
