"""Which persona an answer is made by, and how much of one it is."""

import time
from dataclasses import dataclass, field

from components.personas.persona import StoredPersona
from components.serving.gateway.errors import INVALID_INPUT, ApiError
from components.serving.gateway.gateway import Gateway
from components.serving.gateway.identity import Caller
from components.serving.gateway.openai_types import Ask, PersonaStatus
from components.serving.gateway.tenant_stores import StoreDownError


@dataclass(frozen=True)
class PersonaRead:
    """A user's persona as it was read."""

    user_id: str | None = field(repr=False)
    status: PersonaStatus
    persona: StoredPersona | None
    """None where the LLM answers alone."""


def name_status(num_items: int, full_from_items: int) -> PersonaStatus:
    """Return how much of a persona so many items are.

    Example:
        >>> [name_status(items, 8) for items in (0, 1, 7, 8)]
        ['prior', 'partial', 'partial', 'full']
    """
    if num_items == 0:
        return "prior"
    return "full" if num_items >= full_from_items else "partial"


async def read_persona(gateway: Gateway, caller: Caller, ask: Ask) -> PersonaRead:
    """Read the persona that a request is to be answered by.

    Raises:
        ApiError: If the caller names somebody else, or there is no persona and one must be.
    """
    user_id = caller.choose_user(ask.user)
    if user_id is None and ask.persona == "on":
        message = "persona is on, and there is no user whose it is"
        raise ApiError(INVALID_INPUT, "user_missing", message, "user")
    if user_id is None or ask.persona == "off":
        return PersonaRead(user_id, "none", None)
    started = time.perf_counter()
    try:
        persona = await gateway.stores.get(caller.tenant, user_id)
    except StoreDownError as err:
        told = gateway.note_store_down(err)
        if ask.persona == "on" or gateway.settings.store.down == "refuse":
            raise told from err
        return PersonaRead(user_id, "none", None)
    gateway.metrics.stage_seconds.labels("store").observe(time.perf_counter() - started)
    status = name_status(len(persona), gateway.settings.full_from_items)
    return PersonaRead(user_id, status, persona)
