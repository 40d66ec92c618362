"""Which champion a candidate has to match."""

from components.promotion.registry_records import Champion, Registration
from steps.check_promotion import compare

CHAMPION = Champion(version="7", weights_hash="old", llm_hash="llm", llm_settings_hash="settings")
CANDIDATE = Registration(
    model_name="persona-plug-LaMP_2",
    version="8",
    weights_hash="new",
    llm_hash="llm",
    encoder_fingerprint="of an encoder that reads more tokens",
)


def test_a_champion_of_the_same_llm_is_compared_whatever_the_encoder() -> None:
    compared = compare(CHAMPION, CANDIDATE, None)
    assert compared is not None
    assert (compared.version, compared.is_candidate, compared.obstacle) == ("7", False, None)


def test_why_it_has_not_answered_reaches_the_rule() -> None:
    compared = compare(CHAMPION, CANDIDATE, "reads items by another template")
    assert compared is not None
    assert compared.obstacle == "reads items by another template"


def test_a_champion_of_another_llm_and_none_are_not_compared() -> None:
    other = CHAMPION.model_copy(update={"llm_hash": "other"})
    assert compare(other, CANDIDATE, None) is None
    assert compare(Champion(), CANDIDATE, None) is None
