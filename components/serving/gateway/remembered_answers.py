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
        most_chars: How many characters of inputs.
    """

    def __init__(self, most: int, most_chars: int) -> None:
        self._most, self._most_chars = most, most_chars
        self._num_chars = 0
        self._answers: OrderedDict[str, RememberedAnswer] = OrderedDict()

    def add(self, completion_id: str, answer: RememberedAnswer) -> None:
        """Remember an answer."""
        self._answers[completion_id] = answer
        self._num_chars += len(answer.payload)
        while len(self._answers) > self._most or self._num_chars > self._most_chars:
            _, oldest = self._answers.popitem(last=False)
            self._num_chars -= len(oldest.payload)

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
        self._num_chars = sum(len(one.payload) for one in self._answers.values())
