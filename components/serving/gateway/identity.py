"""Who asks: a user by her token, or a service by its key, which names a user of its tenant."""

import hmac
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio.to_thread
import jwt

from components.serving.gateway.errors import ApiError
from components.serving.gateway.openai_types import is_unicode
from components.serving.gateway.settings import (
    JWT_SECRET_VARIABLE,
    ServiceKey,
    TokenSettings,
    hash_service_key,
)

MIN_SECRET_BYTES = 32
MAX_TOKEN_CHARS = 8192
JWKS_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Caller:
    """Who asks, and whose personas this caller may see."""

    tenant: str
    name: str = field(repr=False)
    """Of the service, or the user's id."""
    is_service: bool

    @property
    def rate_key(self) -> tuple[str, str, str]:
        """Whose requests are counted."""
        return ("service" if self.is_service else "user", self.tenant, self.name)

    def choose_user(self, named: str | None) -> str | None:
        """Return the user who is meant: a service names one, a user is herself.

        Raises:
            ApiError: If a user names somebody else.
        """
        if self.is_service:
            return named
        if named is not None and named != self.name:
            raise ApiError(403, "other_user", "a user's token is good for this user only", "user")
        return self.name


class Authenticator:
    """Tells callers by what stands behind `Authorization: Bearer`.

    Args:
        tenants: Who is served.
        service_keys: Of services.
        tokens: How users' tokens are read; None if there are none.
        secret: That users' tokens are signed with, if no provider's keys are.

    Raises:
        ValueError: If the secret is missing or short.
    """

    def __init__(
        self,
        tenants: tuple[str, ...],
        service_keys: tuple[ServiceKey, ...],
        tokens: TokenSettings | None,
        secret: str | None,
    ) -> None:
        self._tenants = tenants
        self._service_keys = service_keys
        self._tokens = tokens
        self._secret = secret
        self._provider: jwt.PyJWKClient | None = None
        if tokens is not None and tokens.jwks_url is not None:
            self._provider = jwt.PyJWKClient(tokens.jwks_url, timeout=JWKS_TIMEOUT_SECONDS)
        elif tokens is not None and len((secret or "").encode()) < MIN_SECRET_BYTES:
            raise ValueError(
                f"{JWT_SECRET_VARIABLE} must hold at least {MIN_SECRET_BYTES} bytes, as the "
                "settings have tokens without a jwks_url"
            )

    async def identify(self, authorization: str | None) -> Caller:
        """Return who asks.

        Args:
            authorization: The request's header.

        Raises:
            ApiError: If nobody known does.
        """
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given or len(given) > MAX_TOKEN_CHARS:
            raise _refuse("expected the header 'Authorization: Bearer ...'")
        if (service := self.find_service(given)) is not None:
            return service
        if self._tokens is None:
            raise _refuse("unknown key")
        return await self._read_token(self._tokens, given)

    def find_service(self, given: str) -> Caller | None:
        """Return the service whose key is given, None if it is nobody's."""
        digest = hash_service_key(given)
        found = None
        for key in self._service_keys:  # all are compared, so that time tells nothing
            if hmac.compare_digest(digest, key.sha256):
                found = Caller(key.tenant, key.name, is_service=True)
        return found

    async def _read_token(self, tokens: TokenSettings, given: str) -> Caller:
        key = await self._find_key(given)
        try:
            claims: dict[str, Any] = jwt.decode(
                given,
                key,
                algorithms=list(tokens.allowed),
                issuer=tokens.issuer,
                audience=tokens.audience,
                leeway=tokens.leeway_seconds,
                options={"require": ["exp", "sub"], "verify_aud": tokens.audience is not None},
            )
        except (jwt.InvalidTokenError, ValueError) as err:
            raise _refuse("the token is not valid, or no longer") from err
        user, tenant = claims["sub"], claims.get(tokens.tenant_claim)
        if tenant not in self._tenants:
            raise _refuse("the token is of no tenant that is served here")
        if not user.strip() or "\0" in user or not is_unicode(user):  # that it is text is checked
            raise _refuse("the token names no user")
        return Caller(tenant, user, is_service=False)

    async def _find_key(self, given: str) -> Any:
        if self._provider is None:
            return self._secret
        find = partial(self._provider.get_signing_key_from_jwt, given)
        try:
            return await anyio.to_thread.run_sync(find)
        except jwt.PyJWKClientConnectionError as err:
            raise ApiError(
                503, "keys_unreachable", "the tokens' provider can't be reached", None, 5
            ) from err
        except (jwt.PyJWTError, ValueError) as err:
            raise _refuse("the token is signed by no key of the provider") from err


def _refuse(message: str) -> ApiError:
    return ApiError(401, "invalid_api_key", message)
