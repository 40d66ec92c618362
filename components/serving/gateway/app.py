"""The application: an engine, the stores and the settings behind OpenAI's API."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from components.serving.engines.engine import Engine
from components.serving.gateway import completions, demo, feedback, operations, users
from components.serving.gateway.errors import install_error_handlers
from components.serving.gateway.gateway import Gateway
from components.serving.gateway.guard import Guard
from components.serving.gateway.identity import Authenticator
from components.serving.gateway.metrics import Metrics
from components.serving.gateway.rate_limits import RateLimiter
from components.serving.gateway.remembered_answers import RememberedAnswers
from components.serving.gateway.settings import JWT_SECRET_VARIABLE, GatewaySettings
from components.serving.gateway.tenant_stores import TenantStores

DESCRIPTION = """Personal answers behind OpenAI's API. The persona is the authenticated user's; a
service's key names a user of its tenant in `user`. The input that the embedder reads is the last
user message."""


def build_app(
    engine: Engine,
    stores: TenantStores,
    settings: GatewaySettings,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """Build the application; when it ends, engine and stores are closed.

    Args:
        engine: What answers.
        stores: Of the engine's fingerprint.
        settings: Who may ask, and how much.
        registry: Of metrics; an engine may have its own there.

    Raises:
        ValueError: If users' tokens have no secret.
    """
    secret = os.environ.get(JWT_SECRET_VARIABLE)
    gateway = Gateway(
        engine,
        stores,
        settings,
        Authenticator(settings.tenants, settings.service_keys, settings.tokens, secret),
        RateLimiter(settings.limits.requests),
        Metrics(registry or CollectorRegistry()),
        RememberedAnswers(settings.remembered_answers, settings.remembered_chars),
    )

    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.close()
        stores.close()

    app = FastAPI(
        title="Persona-Plug", version=engine.model_version, description=DESCRIPTION, lifespan=run
    )
    app.state.gateway = gateway
    install_error_handlers(app, gateway.metrics)
    app.add_middleware(
        Guard,  # type: ignore[arg-type]
        metrics=gateway.metrics,
        body_bytes=settings.limits.body_bytes,
    )
    for part in (completions, users, feedback, operations):
        app.include_router(part.router)
    if settings.page != "off":
        app.include_router(demo.router)
    return app
