"""The newest answers' inputs by id, so that feedback needs to name no text twice."""

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RememberedAnswer:
    """Who was answered, and what was asked."""

    tenant: str
    user_id: str = field(repr=False)
    payload: str = field(repr=False)
    """What the input encoder read."""


class RememberedAnswers:
    """So many answers in this process's memory: they don't outlive it, and no log sees them.

    Args:
        most: How many; older ones are forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, RememberedAnswer] = OrderedDict()

    def add(self, completion_id: str, answer: RememberedAnswer) -> None:
        """Remember an answer."""
        self._answers[completion_id] = answer
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def find(self, completion_id: str, tenant: str) -> RememberedAnswer | None:
        """Return an answer of this tenant."""
        found = self._answers.get(completion_id)
        return found if found is not None and found.tenant == tenant else None

    def forget(self, tenant: str, user_id: str) -> None:
        """Drop all of a user who was erased."""
        whose = (tenant, user_id)
        self._answers = OrderedDict(
            (name, one) for name, one in self._answers.items() if (one.tenant, one.user_id) != whose
        )
