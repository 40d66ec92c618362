"""Keys and settings of this clone's gateways, made once in `state/gateway`."""

import secrets
from pathlib import Path
from typing import NamedTuple

import yaml

from components.personas.config import PersonaStoreConfig
from components.secret_file import read_secret
from components.serving.gateway.settings import (
    GatewaySettings,
    ServiceKey,
    StoreSettings,
    hash_service_key,
    read_settings,
)
from steps.caching import source_root
from steps.custody_folder import find_custody_folder
from steps.persona_store import find_store
from steps.user_hash_key import KEY_FILE

ROOT = source_root(Path(__file__).resolve())
GATEWAY_FOLDER = ROOT / "state" / "gateway"


class Access(NamedTuple):
    """What a client of the local gateway needs, and where the gateway's settings lie."""

    key: str
    key_file: Path
    settings: Path


def prepare_access(folder: Path, personas: PersonaStoreConfig) -> Access:
    """Return the local gateway's key and settings; made if they aren't there.

    Args:
        folder: Theirs. Settings that are there stay as they are.
        personas: What new settings serve.

    Raises:
        ValueError: If the settings that are there don't know the key.
    """
    access = Access(
        read_secret(folder / "key", secrets.token_urlsafe(24)),
        folder / "key",
        folder / "settings.yaml",
    )
    digest = hash_service_key(access.key)
    if not access.settings.exists():
        written = make_settings(digest, personas).model_dump(mode="json", exclude_defaults=True)
        access.settings.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    if digest not in {one.sha256 for one in read_settings(access.settings).service_keys}:
        raise ValueError(
            f"{access.settings} knows no key with the hash of {access.key_file}: remove the "
            "settings, and they are made anew"
        )
    return access


def make_settings(digest: str, personas: PersonaStoreConfig) -> GatewaySettings:
    """Return settings for one key and a run's personas.

    Args:
        digest: Of the key.
        personas: The run's.
    """
    full_from_items = GatewaySettings.model_fields["full_from_items"].default
    return GatewaySettings(
        tenants=(personas.tenant,),
        service_keys=(ServiceKey(name="local", sha256=digest, tenant=personas.tenant),),
        store=StoreSettings(
            place=find_store(personas),
            custody=find_custody_folder(),
            user_hash_key=KEY_FILE,
            num_shards=personas.num_shards,  # the tenant of golden requests makes its own
            max_items=personas.max_items,
            keep_texts=personas.keep_texts,
        ),
        full_from_items=min(full_from_items, personas.max_items),
    )


def require_personas(settings: Path, personas: PersonaStoreConfig) -> None:
    """Refuse settings by which a gateway would serve others than a run's personas.

    Raises:
        ValueError: If their store or tenants are others; names both.
    """
    served, wanted = read_settings(settings), find_store(personas)
    # An address in the environment comes before both.
    place = find_store(PersonaStoreConfig(place=served.store.place))
    if place != wanted or personas.tenant not in served.tenants:
        raise ValueError(
            f"{settings} serves the tenants {list(served.tenants)} of {place}, and the personas of "
            f"this run are those of the tenant {personas.tenant!r} in {wanted}: give the run the "
            "section `personas` that its champion was trained with, or another "
            "`deploy.local.folder`, or remove the settings, and they are made anew"
        )


def read_golden_key(folder: Path) -> str:
    """Return the key by which deployments ask as invented users; made if it isn't there."""
    return read_secret(folder / "golden_key", secrets.token_urlsafe(24))
