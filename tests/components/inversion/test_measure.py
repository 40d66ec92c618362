"""The attack as a whole, by hand and on encoders."""

from pathlib import Path

import numpy as np
import pytest

from components.encoders.behavior_vectors import encode_histories
from components.encoders.config import EncoderConfig
from components.inversion.config import InversionConfig
from components.inversion.inverter import Inverter
from components.inversion.measure import (
    attack_texts,
    attack_words,
    compare_words,
    draw_rows,
    find_nearest,
    measure_inversion,
)
from components.tasks.lamp import LAMP_2

FEW = InversionConfig(num_canaries=20, num_training_texts=300)
OLGA = {"name": "Olga", "street": "Elm", "number": "12", "condition": "gout"}
IVAN = {"name": "Ivan", "street": "Ivy", "number": "13", "condition": "acne"}


def encode_items(directory: Path, encoder: EncoderConfig):
    directory.mkdir()
    return encode_histories(["a comedy", "a tale"], LAMP_2.item_template, encoder, directory)


def test_the_nearest_candidate_is_the_true_one_or_not():
    candidates = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.8, 0.6]])
    stored = np.array([[0.1, 0.99], [0.6, 0.8]])  # the last two are the true ones
    assert find_nearest(stored, candidates).tolist() == [True, False]
    attack = attack_texts(stored, candidates[:2], candidates)
    assert (attack.clear.value, attack.sealed.value, attack.chance) == (0.5, 0.0, 0.25)


def test_a_tie_is_a_miss():
    assert find_nearest(np.array([[1.0, 0]]), np.array([[1.0, 0], [1.0, 0]])).tolist() == [False]


def test_words_are_compared_kind_by_kind():
    half = OLGA | {"name": "Ivan", "condition": "acne"}
    assert compare_words([half, IVAN], [OLGA, IVAN]).tolist() == [
        [False, True, True, False],
        [True] * 4,
    ]


def test_secret_words_are_counted_in_the_clear_sealed_and_blindly():
    """Two of three known texts are Olga's: a blind guess is she, and right once in two."""
    olga, ivan = np.array([1.0, 0]), np.array([0, 1.0])
    inverter = Inverter(np.array([olga, olga, ivan]), [OLGA, OLGA, IVAN])
    half = OLGA | {"name": "Ivan"}
    clear, sealed = np.array([olga, ivan]), np.array([ivan, ivan])
    words, kinds = attack_words(inverter, clear, sealed, [half, IVAN])
    assert (words.clear.value, words.sealed.value, words.chance) == (0.875, 0.625, 0.375)
    assert list(kinds) == ["name", "street", "number", "condition"]
    name = kinds["name"]
    assert (name.clear.value, name.sealed.value, name.chance) == (0.5, 1.0, 0.0)
    assert (kinds["street"].clear.value, kinds["street"].chance) == (1.0, 0.5)


def test_some_rows_are_drawn_each_once_and_in_order():
    rng = np.random.default_rng(0)
    drawn = draw_rows(np.arange(12_000)[:, None], rng)[:, 0]
    assert len(drawn) == 5000
    assert (np.diff(drawn) > 0).all()
    assert drawn[-1] > 11_000
    assert draw_rows(np.arange(3)[:, None], rng)[:, 0].tolist() == [0, 1, 2]


def test_all_but_the_sealing_is_the_same_for_the_same_seed(encoder_folder, tmp_path):
    encoder = EncoderConfig(name=str(encoder_folder))
    vectors = encode_items(tmp_path / "vectors", encoder)

    def measure(seed):
        report = measure_inversion(vectors, LAMP_2, encoder, FEW, seed)
        attacks = {"nearest": report.nearest, "words": report.words, **report.kinds}
        return report, {name: (attack.clear, attack.chance) for name, attack in attacks.items()}

    report, first = measure(0)
    assert first == measure(0)[1] != measure(1)[1]
    # Two items, 300 known texts, and each of 20 canaries with 4 variants and as it is.
    assert (report.num_canaries, report.num_training_texts) == (20, 300)
    assert report.num_candidates == 2 + 300 + 20 * 5
    assert report.nearest.chance == 1 / 402
    assert report.fingerprint == vectors.fingerprint


def test_vectors_of_another_encoder_are_refused(encoder_folder, tmp_path):
    encoder = EncoderConfig(name=str(encoder_folder))
    vectors = encode_items(tmp_path / "vectors", encoder)
    other = encoder.model_copy(update={"max_length": 16})
    with pytest.raises(ValueError, match=f"vectors of {vectors.fingerprint}, but the encoder is "):
        measure_inversion(vectors, LAMP_2, other, FEW, 0)


def test_the_bundled_encoder_tells_nearly_all_in_the_clear_and_nothing_sealed(tmp_path):
    vectors = encode_items(tmp_path / "vectors", EncoderConfig())
    report = measure_inversion(vectors, LAMP_2, EncoderConfig(), FEW, 0)
    assert report.nearest.clear.value == 1
    assert report.nearest.sealed.value < 0.2  # 20 at 1 / 402: more than 3 by 1 in a million
    assert report.words.clear.value > 0.6
    assert report.kinds["name"].clear.value > report.kinds["number"].clear.value
    assert report.words.sealed.value < 0.15  # 80 words at 1 / 48: more than 11 by 1 in a million
