"""The attack: how much of invented texts is recovered from their behavior vectors.

Vectors can be inverted to their text; here that is a figure. The canaries are encoded as history
items are, and rounded to float16 as they are stored. The attacker has the encoder, which is public,
and rows of the store. Two attacks:

- Nearest neighbour: she encodes candidate texts and takes the nearest. A canary's true text stands
  among them, beside a variant of it for each kind of secret (the same sentence with another name,
  street, number or condition), all other canaries' texts and variants, the inverter's training
  texts and vectors of real items. Recovered is a canary whose nearest candidate, by cosine, is its
  true text; a tie is not. Chance is one in all candidates.
- Trained inverter (`components.inversion.inverter`): trained on other invented texts, in other
  sentences than the canaries' but with words from the same lists. Recovered is the share of a
  canary's secret words, one of each kind, that are the inverter's first guess of their kind.
  Chance is the same share for the most frequent words of the training texts.

Both are made on vectors in the clear and on what the store holds of the same rows, sealed, read as
float16 by somebody without keys. All is the same for the same seed, but for the sealed rows, whose
keys and nonces are random by nature. Letters: N canaries, M candidates, E encoder width.
"""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from components.encoders.behavior_vectors import BehaviorVectors, describe_encoder, find_device
from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_history_encoder
from components.inversion.canaries import CANARY_FRAMES, KNOWN_FRAMES, invent_items
from components.inversion.config import InversionConfig
from components.inversion.inverter import Inverter, Words
from components.inversion.report import Attack, InversionReport, Kind, estimate_rate
from components.inversion.sealed_rows import read_as_vectors, seal_rows
from components.tasks.task import Task

KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_ITEMS = 5000
"""Most vectors of real items among the candidates; more could only hide the true text."""


def measure_inversion(
    vectors: BehaviorVectors,
    task: Task,
    encoder: EncoderConfig,
    settings: InversionConfig,
    seed: int,
) -> InversionReport:
    """Invent texts, encode them as the run's items were, and attack them.

    Args:
        vectors: The run's behavior vectors.
        task: Words the texts like its history items.
        encoder: What made the vectors.
        settings: How much is invented.
        seed: Of what is invented and drawn.

    Returns:
        What either attack recovers, in the clear and sealed.

    Raises:
        ValueError: If the vectors are another encoder's or of another history template.
    """
    loaded = load_history_encoder(encoder, find_device())
    fingerprint = describe_encoder(loaded, encoder, task.item_template)["fingerprint"]
    if fingerprint != vectors.fingerprint:
        raise ValueError(f"vectors of {vectors.fingerprint}, but the encoder is {fingerprint}")
    rng = np.random.default_rng(seed)
    known = invent_items(settings.num_training_texts, KNOWN_FRAMES, task.labels, rng)
    canaries = invent_items(settings.num_canaries, CANARY_FRAMES, task.labels, rng)
    variants = [canary.vary(kind, rng) for canary in canaries for kind in KINDS]
    texts = [canary.render(task) for canary in canaries]

    stored_NE = encode_texts(loaded, texts, encoder)
    sealed_NE = read_as_vectors(seal_rows(stored_NE, texts, fingerprint), stored_NE.shape[1])
    # The attacker's own encoding of the canaries' texts: in other batches than those stored.
    candidates = [item.render(task) for item in (*known, *variants)] + texts
    guessed_ME = encode_texts(loaded, candidates, encoder)
    items_ME = draw_rows(vectors.open(), rng)
    inverter = Inverter(guessed_ME[: len(known)], [item.words for item in known])
    words, kinds = attack_words(
        inverter, stored_NE, sealed_NE, [canary.words for canary in canaries]
    )
    return InversionReport(
        fingerprint=fingerprint,
        num_canaries=len(canaries),
        num_candidates=len(items_ME) + len(guessed_ME),
        num_training_texts=len(known),
        nearest=attack_texts(stored_NE, sealed_NE, np.concatenate([items_ME, guessed_ME])),
        words=words,
        kinds=kinds,
    )


def attack_texts(
    stored_NE: NDArray[np.floating],
    sealed_NE: NDArray[np.floating],
    candidates_ME: NDArray[np.floating],
) -> Attack:
    """Look for the nearest candidate; the last N candidates are the true ones, in order."""
    return Attack(
        clear=estimate_rate(find_nearest(stored_NE, candidates_ME).tolist()),
        sealed=estimate_rate(find_nearest(sealed_NE, candidates_ME).tolist()),
        chance=1 / len(candidates_ME),
    )


def attack_words(
    inverter: Inverter,
    stored_NE: NDArray[np.floating],
    sealed_NE: NDArray[np.floating],
    truths: Words,
) -> tuple[Attack, dict[Kind, Attack]]:
    """Guess the secret words; returns what was recovered of all kinds together, and of each."""
    clear_NK = compare_words(inverter.guess(stored_NE), truths)
    sealed_NK = compare_words(inverter.guess(sealed_NE), truths)
    blind_NK = compare_words([inverter.guess_blindly()] * len(truths), truths)

    def judge(columns: slice) -> Attack:
        clear_N, sealed_N = (found[:, columns].mean(axis=1) for found in (clear_NK, sealed_NK))
        return Attack(
            clear=estimate_rate(clear_N.tolist()),
            sealed=estimate_rate(sealed_N.tolist()),
            chance=float(blind_NK[:, columns].mean()),
        )

    by_kind = {kind: judge(slice(place, place + 1)) for place, kind in enumerate(KINDS)}
    return judge(slice(None)), by_kind


def draw_rows(vectors_NE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return some rows, each at most once, in order."""
    chosen = rng.permutation(len(vectors_NE))[:MAX_ITEMS]
    return vectors_NE[np.sort(chosen)]


def find_nearest(
    stored_NE: NDArray[np.floating], candidates_ME: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Return whether each row's nearest candidate by cosine is the true one, bool [N].

    All have length 1, but for rounding; the last N candidates are the true ones, in order. Of
    candidates that are as near the first is taken, so that a tie is a miss.
    """
    cosines_NM = stored_NE.astype(np.float64) @ candidates_ME.astype(np.float64).T
    true_N = len(candidates_ME) - len(stored_NE) + np.arange(len(stored_NE))
    found_N: NDArray[np.bool_] = cosines_NM.argmax(axis=1) == true_N
    return found_N


def compare_words(guesses: Words, truths: Words) -> NDArray[np.bool_]:
    """Return whether each secret word was guessed, bool [N, number of kinds]."""
    pairs = zip(guesses, truths, strict=True)
    return np.array([[guess[kind] == truth[kind] for kind in KINDS] for guess, truth in pairs])
