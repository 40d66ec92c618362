"""Names of an arm's variants: how they are composed, and how they are told again."""

import re

from components.training.config import SEED_PREFIX

HISTORY_INFIX = "_history_"
"""Between an arm and a number of items: `persona_history_4` reads the four newest ones."""
CUT_ARM = re.compile(rf"(persona|champion|reference){HISTORY_INFIX}(\d+)")
SEED_ARM = re.compile(rf"{SEED_PREFIX}(\d+)")


def name_cut(name: str, num_items: int) -> str:
    """Return the name of an arm that reads this many newest items of each history."""
    return f"{name}{HISTORY_INFIX}{num_items}"
