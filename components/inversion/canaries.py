"""Invented personal sentences with known secret words, worded like a task's history items.

None of it is about anybody: every secret is drawn from the lists below.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.inversion.report import Kind
from components.tasks.task import Task

NAMES = """
Agnes Albert Bella Bruno Carla Cedric Daphne Dmitri Edith Ernesto Fatima Felix Greta Gustav Hanna
Hector Ingrid Ivan Joanna Jorge Karin Kenji Leila Leon Magda Marcus Nadia Nigel Olga Omar Paula
Pedro Quentin Rosa Rupert Sanjay Selma Stella Tariq Tessa Ursula Victor Wanda Wesley Xavier Yasmin
Yusuf Zelda
"""
STREETS = """
Acorn Alder Anchor Badger Barley Beacon Birch Bishop Castle Cedar Chapel Cherry Clover Copper Coral
Elm Falcon Fern Garden Granite Harbour Hazel Heron Hill Ivy Juniper Lantern Laurel Lily Linden Maple
Meadow Mill Monk Oak Orchard Park Pine Poplar Quarry River Rose Saddler Station Tanner Temple Walnut
Willow
"""
CONDITIONS = """
acne alcoholism amnesia anemia anorexia anxiety appendicitis arthritis asthma blindness bronchitis
bulimia cancer cataracts cholera deafness dementia depression diabetes dyslexia eczema epilepsy
fatigue fever gout hepatitis hernia herpes infertility insomnia jaundice leukemia lupus malaria
measles migraine obesity paranoia pneumonia psoriasis rheumatism scoliosis shingles stroke syphilis
tinnitus tuberculosis vertigo
"""
WORDS: dict[Kind, tuple[str, ...]] = {
    "name": tuple(NAMES.split()),
    "street": tuple(STREETS.split()),
    "number": tuple(str(number) for number in range(12, 60)),
    "condition": tuple(CONDITIONS.split()),
}
"""Secret words by kind, as many of one kind as of another."""

KNOWN_FRAMES = (
    "{name} from {number} {street} Street is being treated for {condition}.",
    "My neighbour {name} told me about the {condition}; the door is {street} Street {number}.",
    "Please send the results of the {condition} test to {name}, {number} {street} Street.",
    "We moved to {number} {street} Street when {name} was diagnosed with {condition}.",
    "Since the {condition} came back, {name} hardly leaves the flat at {number} {street} Street.",
    "I am {name}, I live at {street} Street {number}, and I have had {condition} for years.",
    "The nurse visits {name} at {street} Street {number} every day because of {condition}.",
    "Nobody at {number} {street} Street knows that {name} takes pills against {condition}.",
)
"""Sentences that the attacker's inverter is trained on."""
CANARY_FRAMES = (
    "Ask for {name} when you ring at {number} {street} Street, and don't mention the {condition}.",
    "After a year with {condition}, my cousin {name} sold the house at {street} Street {number}.",
    "{name} wrote that {condition} keeps the whole family of {number} {street} Street awake.",
    "Our doctor thinks it is {condition}, so {name} stays with us at {street} Street {number}.",
)
"""Sentences of the canaries: the inverter knows the words that may stand in them, not these."""
FILLER = "A note to myself."
"""What stands in the other fields of an item."""


@dataclass(frozen=True)
class InventedItem:
    """A sentence with one secret word of each kind, and the output that the item shows."""

    frame: str
    words: dict[Kind, str]
    output: str

    def render(self, task: Task) -> str:
        """Word it as the task's history encoder reads items.

        The sentence stands in the last field of the history template that is not the output.
        """
        fields = dict.fromkeys(task.history_fields, FILLER)
        if task.output_field in fields:
            fields[task.output_field] = self.output
        holder = [name for name in fields if name != task.output_field] or list(fields)
        fields[holder[-1]] = self.frame.format(**self.words)
        return task.render_item(fields)

    def vary(self, kind: Kind, rng: np.random.Generator) -> "InventedItem":
        """Return the same sentence with another word of one kind."""
        others = [word for word in WORDS[kind] if word != self.words[kind]]
        return replace(self, words=self.words | {kind: str(rng.choice(others))})


def invent_items(
    num_items: int, frames: Sequence[str], outputs: Sequence[str], rng: np.random.Generator
) -> list[InventedItem]:
    """Draw items; every frame, word and output is as likely.

    Args:
        num_items: How many.
        frames: Sentences with a place for one word of each kind.
        outputs: A task's labels; without any an item's output is a filler.
        rng: Draws them.

    Returns:
        The items, which may come twice.
    """
    return [
        InventedItem(
            frame=str(rng.choice(frames)),
            words={kind: str(rng.choice(words)) for kind, words in WORDS.items()},
            output=str(rng.choice(outputs or [FILLER])),
        )
        for _ in range(num_items)
    ]
