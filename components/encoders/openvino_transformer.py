"""The transformer of a sentence encoder on OpenVINO: a CPU's fast paths, and int8.

Int8 needs no texts to calibrate on: weights are rounded once, by the largest of each row; inputs of
a layer whenever they come, by the largest of each `GROUP_SIZE` values of a token. So no text has a
say in another one's vector; only how far it is padded has, where it tips a rounding.

Letters: B texts, T tokens, E transformer width.
"""

import importlib
import inspect
import sys
import warnings
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Precision = Literal["float32", "bfloat16", "int8"]

GROUP_SIZE = 128
"""Inputs of a layer that share a scale; a layer whose width it doesn't divide reads float32.

Other vectors come of another size: a change takes another name of the back end.
"""


class OpenVINOTransformer(nn.Module):
    """Stands where an encoder's transformer stood, with OpenVINO computing its states.

    Args:
        encoder: An encoder on the CPU, in float32. For int8 its layers are changed.
        precision: The arithmetic.

    Raises:
        ValueError: If this CPU does not have that arithmetic.
    """

    def __init__(self, encoder: "SentenceTransformer", precision: Precision) -> None:
        super().__init__()
        transformer = encoder[0].model
        self.config = transformer.config
        # Two lengths: of texts that need no padding a trace would hold no mask.
        example = encoder.preprocess(["one", "another text"])
        known = inspect.signature(transformer.forward).parameters
        self._names = [name for name in example if name in known]
        if precision == "int8":
            round_weights(transformer)
        model = convert(_States(transformer, self._names), [example[name] for name in self._names])
        self._infer = compile_model(model, precision).create_infer_request()

    def forward(self, **features: Any) -> BaseModelOutput:
        """Return the last layer's states, float32 [B, T, E]."""
        given = [features[name].numpy() for name in self._names]
        states_BTE = torch.from_numpy(self._infer.infer(given)[0])
        return BaseModelOutput(last_hidden_state=states_BTE)


class _States(nn.Module):
    """A transformer that takes its inputs by their places and returns one tensor."""

    def __init__(self, transformer: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.transformer, self.names = transformer, names

    def forward(self, *given: Tensor) -> Tensor:
        features = dict(zip(self.names, given, strict=True))
        states_BTE: Tensor = self.transformer(**features).last_hidden_state
        return states_BTE


def import_openvino() -> Any:
    """Return the package, told to report nothing to its makers.

    Raises:
        ValueError: If it isn't installed.
    """
    # It sends an event at every import and conversion, unless this part of it can't be imported.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    except ImportError as err:
        raise ValueError(
            "encoder.backend is 'openvino', but that package isn't installed (pyproject.toml names "
            "its version under fast-cpu)"
        ) from err


def convert(module: nn.Module, given: list[Tensor]) -> Any:
    """Return a module as OpenVINO's model, for inputs of any number and length of texts."""
    openvino = import_openvino()
    with torch.no_grad(), warnings.catch_warnings():
        # Of the trace; what it might get wrong is compared in tests and by the parity check.
        warnings.simplefilter("ignore")
        return openvino.convert_model(module.eval(), example_input=tuple(given))


def compile_model(model: Any, precision: Precision) -> Any:
    """Compile a model for the CPU, with as many threads as torch has.

    Raises:
        ValueError: If this CPU does not have that arithmetic.
    """
    core = import_openvino().Core()
    hint, capability = {
        "float32": ("f32", "FP32"),
        "bfloat16": ("bf16", "BF16"),
        "int8": ("f32", "INT8"),
    }[precision]
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if capability not in capabilities:
        raise ValueError(
            f"encoder.precision is {precision!r}, but OpenVINO has only {capabilities} on this CPU"
        )
    settings = {
        # Left to itself it takes bfloat16 where a CPU has it.
        "INFERENCE_PRECISION_HINT": hint,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP_SIZE if precision == "int8" else 0,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }
    return core.compile_model(model, "CPU", settings)


def round_weights(transformer: nn.Module) -> None:
    """Put every linear layer's weights as int8 in the place of the layer."""
    for parent in list(transformer.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(parent, name, Int8Linear(layer))


class Int8Linear(nn.Module):
    """A linear layer with int8 weights and one scale for each of its outputs.

    Args:
        layer: The layer with its weights in float32.
    """

    scale: Tensor
    weight: Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("weight", (weight / scale).round().to(torch.int8))
        self.bias = layer.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs by the rounded weights, in the inputs' arithmetic."""
        # OpenVINO knows this pattern: the weights stay int8, and so does the product.
        return nn.functional.linear(inputs, self.weight.to(inputs.dtype) * self.scale, self.bias)
