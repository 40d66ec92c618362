"""OpenVINO makes the same vectors, in float32 exactly, in int8 much the same."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.openvino_transformer import Int8Linear, import_openvino, round_weights
from components.encoders.parity import measure_cosine_p01
from components.encoders.sentence_encoder import load_history_encoder, load_sentence_encoder

TEXTS = [
    "time travel",
    "a",
    "A film that is not half as clever as its makers think, but still worth the time.",
    "No.",
    "Funny, warm and well played; the last half hour is a tale of its own." * 3,
    "romance comedy",
]


def needs_openvino(test):
    """Skip a test where the optional package is absent."""
    try:
        import_openvino()
    except ValueError as err:
        return pytest.mark.skip(reason=str(err))(test)
    return test


def encode(texts=TEXTS, **settings):
    config = EncoderConfig(**settings)
    return encode_texts(load_history_encoder(config), texts, config)


def test_weights_are_rounded_by_the_largest_of_each_output():
    """Scales .01 and .02: 1.27, -.5 are 127, -50; .4 and 2.54 are 20 and 127."""
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.27, -0.504], [0.41, 2.54], [0, 0]]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))
    rounded = Int8Linear(layer)
    assert rounded.weight.tolist() == [[127, -50], [20, 127], [0, 0]]
    made = rounded(torch.tensor([[1.0, 2.0]]))
    torch.testing.assert_close(made, torch.tensor([[0.27, 6.48, 2.0]]))


def test_every_linear_layer_is_rounded(encoder_folder):
    transformer = load_sentence_encoder(EncoderConfig(name=str(encoder_folder)))[0].model
    before = [name for name, part in transformer.named_modules() if isinstance(part, nn.Linear)]
    round_weights(transformer)
    after = [name for name, part in transformer.named_modules() if isinstance(part, Int8Linear)]
    assert after == before
    assert len(after) == 2 * 6 + 1
    assert not any(isinstance(part, nn.Linear) for part in transformer.modules())


@needs_openvino
def test_float32_equals_torch_at_every_length(encoder_folder):
    plain = encode(name=str(encoder_folder))
    for batch_tokens in (1, 100, None):
        settings = {"name": str(encoder_folder), "batch_tokens": batch_tokens}
        made = encode(**settings, backend="openvino")
        np.testing.assert_allclose(made, plain, atol=1e-3)  # a float16 step


@needs_openvino
def test_int8_is_faithful_and_no_text_has_a_say_in_anothers_vector():
    int8 = {"backend": "openvino", "precision": "int8"}
    assert 0.98 < measure_cosine_p01(encode(**int8), encode()) < 0.9999
    equally_long = ["time travel", "comedy film", "no !", "warm water"]
    alone = encode(equally_long, **int8, batch_tokens=1)
    np.testing.assert_array_equal(encode(equally_long, **int8), alone)


@needs_openvino
def test_nothing_is_reported_to_the_makers():
    import_openvino()
    assert sys.modules["openvino_telemetry"] is None
    assert type(sys.modules["openvino.tools.ovc"].telemetry).__module__.endswith("telemetry_stub")
