"""Settings of the gateway, one YAML file; secrets come from the environment only."""

import hashlib
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from components.config import Config
from components.serving.engines.config import EngineConfig

JWT_SECRET_VARIABLE = "PERSONA_PLUG_JWT_SECRET"
GOLDEN_KEY_VARIABLE = "PERSONA_PLUG_GOLDEN_KEY"
GOLDEN_TENANT = "golden"
"""Whose users are invented: a deployment asks as them, and no pipeline reads their items."""


class StoreSettings(Config):
    """Where the personas are, and what is served without them."""

    place: str = Field(
        "state/personas",
        description="A directory, or the address of a PostgreSQL database without a password. "
        "PERSONA_PLUG_STORE in the environment comes before it.",
    )
    custody: Path = Field(Path("state/custody"), description="Folder of keys and receipts.")
    user_hash_key: Path = Field(
        Path("state/user_hash.key"), description="File of the key of the users' hashes."
    )
    create: bool = Field(
        False,
        description="Whether a missing store, tenant or fingerprint is made. Else it is refused at "
        "start: a mistyped one would serve every user without history.",
    )
    num_shards: int = Field(16, ge=1, description="Number of parts of a store that is made.")
    max_items: int = Field(512, ge=1, description="Number of newest items that are read.")
    keep_texts: bool = Field(True, description="Whether items keep their input texts, sealed.")
    down: Literal["answer_without_persona", "refuse"] = Field(
        "answer_without_persona", description="What an answer is while the store can't be reached."
    )
    timeout_seconds: float = Field(
        5.0, gt=0, description="Longest wait for a persona or a history; then the store is down."
    )


class TokenSettings(Config):
    """Users' JSON Web Tokens; signed with PERSONA_PLUG_JWT_SECRET, or with keys of a provider."""

    jwks_url: str | None = Field(
        None, description="Address of the provider's keys (OIDC); none for the shared secret."
    )
    algorithms: tuple[str, ...] = Field(
        (), description="Allowed signatures; HS256 for the secret, RS256 and ES256 for keys."
    )
    issuer: str | None = Field(None, description="Who must have issued a token (claim iss).")
    audience: str | None = Field(None, description="For whom it must be (claim aud).")
    tenant_claim: str = Field("tenant", description="The claim that names the user's tenant.")
    leeway_seconds: float = Field(10, ge=0, description="How far clocks may be apart.")

    @model_validator(mode="after")
    def _check_algorithms(self) -> Self:
        is_keyed = self.jwks_url is not None
        wrong = [name for name in self.algorithms if name.startswith("HS") == is_keyed]
        if wrong or "none" in self.algorithms:
            raise ValueError(
                f"algorithms {list(self.algorithms)}: a shared secret signs with HS256, HS384 or "
                "HS512, a provider's keys with others"
            )
        return self

    @property
    def allowed(self) -> tuple[str, ...]:
        """The signatures that count."""
        default = ("HS256",) if self.jwks_url is None else ("RS256", "ES256")
        return self.algorithms or default


def hash_service_key(key: str) -> str:
    """Return what settings hold of a service's key."""
    return hashlib.sha256(key.encode()).hexdigest()


class ServiceKey(Config):
    """A key of a service, which may name any user of its tenant."""

    name: str = Field(min_length=1, description="How metrics and limits call it.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the key, hexadecimal.")
    tenant: str = Field(min_length=1, description="Whose users it may name.")


class LimitSettings(Config):
    """How much one request and one key may ask for."""

    body_bytes: int = Field(1_000_000, ge=1, description="Largest body of a request, in bytes.")
    input_chars: int = Field(32_000, ge=1, description="Longest text of one input or item.")
    items: int = Field(64, ge=1, description="Most history items of one request.")
    requests: str = Field(
        "20/second;600/minute", description="Most requests of one key; several after semicolons."
    )

    @field_validator("requests")
    @classmethod
    def _check_requests(cls, value: str) -> str:
        # Here: a pipeline's steps import this module, and their image has no such package.
        from limits import parse_many

        parse_many(value)
        return value


class RemoteSettings(Config):
    """A vLLM server that holds the LLM; its key is in PERSONA_PLUG_VLLM_API_KEY."""

    url: str = Field(pattern=r"^https?://", description="Its address, without /v1.")
    model: str = Field(description="The name under which it serves the LLM.")
    timeout_seconds: float = Field(120.0, gt=0, description="Longest wait for the next bytes.")


class GatewaySettings(Config):
    """All settings of the gateway."""

    tenants: tuple[str, ...] = Field(("default",), min_length=1, description="Who is served.")
    store: StoreSettings = Field(StoreSettings(), description="The persona store.")
    tokens: TokenSettings | None = Field(
        None, description="Users' tokens; none if only services ask."
    )
    service_keys: tuple[ServiceKey, ...] = Field((), description="Keys of services.")
    engine: EngineConfig = Field(EngineConfig(), description="How requests wait for the engine.")
    vllm: RemoteSettings | None = Field(
        None, description="Where the LLM is; none: in this process, by transformers."
    )
    limits: LimitSettings = Field(LimitSettings(), description="Of requests.")
    page: Literal["off", "service_key", "open"] = Field(
        "off",
        description="Who gets the page for people at /: nobody, who gives a service's key as the "
        "browser's password, or everybody. The page itself asks with the key that is typed there.",
    )
    full_from_items: int = Field(
        8, ge=1, description="Number of items from which a persona is full; below it is partial."
    )
    remembered_answers: int = Field(
        10_000, ge=0, description="Newest answers, in memory, that feedback may name."
    )
    remembered_chars: int = Field(
        32_000_000, ge=0, description="Most characters of their inputs, all together."
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.tokens is None and not self.service_keys:
            raise ValueError("neither tokens nor service_keys: nobody could ask")
        for key in self.service_keys:
            if key.tenant not in self.tenants:
                raise ValueError(
                    f"service key {key.name!r}: tenant {key.tenant!r} is none of "
                    f"{list(self.tenants)}"
                )
        names = [key.name for key in self.service_keys]
        for what, values in (
            ("tenants", self.tenants),
            ("service_keys: a name", names),
            ("service_keys: a sha256", [key.sha256 for key in self.service_keys]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} comes twice in {list(values)}")
        if self.full_from_items > self.store.max_items:
            raise ValueError(
                f"full_from_items {self.full_from_items}: no more than store.max_items "
                f"({self.store.max_items}) are read, so no persona would be full"
            )
        return self


def read_settings(path: Path) -> GatewaySettings:
    """Read a settings file.

    Raises:
        ValueError: If it can't be read or is wrong; names file and field.
    """
    try:
        return GatewaySettings.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError) as err:
        raise ValueError(f"{path}: can't be read as YAML: {type(err).__name__}") from err
    except ValidationError as err:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in err.errors())
        raise ValueError(f"{path}: " + "; ".join(wrong)) from err


def admit_golden(settings: GatewaySettings, key: str | None) -> GatewaySettings:
    """Return settings under which a deployment may ask golden requests.

    Args:
        settings: As they were read.
        key: Good for the tenant of invented users, and no other; None: nobody asks as them.

    Raises:
        ValueError: If the settings have such a tenant of their own.
    """
    if not key:
        return settings
    if GOLDEN_TENANT in settings.tenants:
        raise ValueError(
            f"tenants: {GOLDEN_TENANT!r} is the deployment's, as the environment has "
            f"{GOLDEN_KEY_VARIABLE}"
        )
    service = ServiceKey(name="deployment", sha256=hash_service_key(key), tenant=GOLDEN_TENANT)
    return settings.model_copy(
        update={
            # Last: that the store is there at all is told by the tenants before it.
            "tenants": (*settings.tenants, GOLDEN_TENANT),
            "service_keys": (*settings.service_keys, service),
        }
    )
