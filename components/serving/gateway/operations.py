"""`/healthz`, `/readyz`, `/metrics`: for the platform, not for clients; none needs a key."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from components.serving.gateway.gateway import GatewayOf
from components.serving.gateway.tenant_stores import StoreDownError

router = APIRouter(tags=["Operations"])


class Health(BaseModel):
    """That the process runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests are answered, and by what."""

    status: Literal["ready", "not_ready"]
    store: Literal["ok", "down"]
    model: str
    model_version: str


@router.get("/healthz")
async def show_health() -> Health:
    """Say that the process runs."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready."}})
async def show_readiness(gateway: GatewayOf, response: Response) -> Readiness:
    """Say whether requests are answered: without its store only where the operator wants it."""
    is_up = True
    try:
        await gateway.stores.probe()
    except StoreDownError as err:
        gateway.note_store_down(err)
        is_up = False
    is_ready = is_up or gateway.settings.store.down == "answer_without_persona"
    response.status_code = 200 if is_ready else 503
    return Readiness(
        status="ready" if is_ready else "not_ready",
        store="ok" if is_up else "down",
        model=gateway.engine.model_name,
        model_version=gateway.engine.model_version,
    )


@router.get("/metrics", response_class=Response)
async def show_metrics(gateway: GatewayOf) -> Response:
    """Return what Prometheus reads."""
    return Response(generate_latest(gateway.metrics.registry), media_type=CONTENT_TYPE_LATEST)
