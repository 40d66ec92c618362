"""A settings file is read whole, or refused with the field that is wrong."""

import pytest

from components.serving.gateway.settings import GatewaySettings, TokenSettings, read_settings

KEY = "{name: shop, tenant: default, sha256: '" + "0" * 64 + "'}"


def read(tmp_path, text):
    path = tmp_path / "serving.yaml"
    path.write_text(text)
    return read_settings(path)


def test_what_is_not_given_is_the_default(tmp_path):
    settings = read(tmp_path, f"service_keys: [{KEY}]\nlimits: {{items: 3}}\n")
    assert settings.tenants == ("default",)
    assert settings.limits.items == 3
    assert settings.limits.requests == "20/second;600/minute"
    assert settings.store.down == "answer_without_persona"
    assert not settings.store.create


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "valid dictionary"),
        ("{", "can't be read as YAML"),
        ("tenants: [default]", "nobody could ask"),
        ("tokens: {}\nlimit: {}", "limit: Extra inputs"),
        ("tokens: {secret: abc}", r"tokens\.secret: Extra inputs"),
        ("tokens: {}\ntenants: []", "tenants: Tuple should have at least 1 item"),
        ("tokens: {}\nlimits: {requests: often}", r"limits\.requests: .*couldn't parse"),
        (f"service_keys: [{KEY}]\ntenants: [acme]", "tenant 'default' is none of"),
        (f"service_keys: [{KEY}, {KEY}]", "a name comes twice"),
        (f"service_keys: [{KEY}, {KEY.replace('shop', 'b')}]", "a sha256 comes twice"),
        ("tokens: {}\ntenants: [a, a]", "tenants comes twice"),
        ("tokens: {}\nfull_from_items: 9\nstore: {max_items: 8}", "no persona would be full"),
        ("service_keys: [{name: a, tenant: default, sha256: abc}]", r"service_keys\.0\.sha256"),
        ("tokens: {algorithms: [none]}", "algorithms"),
        ("tokens: {algorithms: [RS256]}", "a shared secret signs with HS256"),
        ("tokens: {algorithms: [HS256], jwks_url: 'https://a/b'}", "a provider's keys with others"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"serving\.yaml: ") as caught:
        read(tmp_path, text)
    assert caught.match(message)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.yaml: can't be read"):
        read_settings(tmp_path / "gone.yaml")


def test_which_signatures_count():
    """Never both kinds: a public key must not pass as a shared secret."""
    assert TokenSettings().allowed == ("HS256",)
    assert TokenSettings(jwks_url="https://a/b").allowed == ("RS256", "ES256")
    assert TokenSettings(algorithms=("HS512",)).allowed == ("HS512",)


def test_every_setting_is_described():
    def list_fields(model, path=""):
        for name, field in model.model_fields.items():
            yield f"{path}{name}", field.description
            if hasattr(field.annotation, "model_fields"):
                yield from list_fields(field.annotation, f"{path}{name}.")

    assert [name for name, description in list_fields(GatewaySettings) if not description] == []
