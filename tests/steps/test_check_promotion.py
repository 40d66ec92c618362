"""Which incumbents a candidate has to match."""

from components.promotion.registry_records import Incumbent, Incumbents, Registration
from steps.check_promotion import find_rivals

CHAMPION = Incumbent(version="7", artifact_hash="old", llm_hash="llm", llm_settings_hash="settings")
REFERENCE = CHAMPION.model_copy(update={"version": "3", "artifact_hash": "oldest"})
CANDIDATE = Registration(
    model_name="persona-plug-LaMP_2",
    version="8",
    weights_hash="new",
    llm_hash="llm",
    artifact_hash="of all its files",
    encoder_fingerprint="of an encoder that reads more tokens",
)


def find(champion=None, reference=None, notes=None):
    incumbents = Incumbents(champion=champion, reference=reference)
    return find_rivals(incumbents, CANDIDATE, notes or {})


def test_incumbents_are_rivals_whatever_their_llm_and_encoder() -> None:
    other = REFERENCE.model_copy(update={"llm_hash": "other"})
    rivals = find(CHAMPION, other)
    assert {arm: rival.version for arm, rival in rivals.items()} == {
        "champion": "7",
        "reference": "3",
    }
    assert not any(rival.is_candidate or rival.obstacle for rival in rivals.values())
    assert find() == {}


def test_why_one_has_not_answered_reaches_the_rules() -> None:
    rivals = find(CHAMPION, REFERENCE, {"reference_not_compared": "reads other items"})
    assert rivals["champion"].obstacle is None
    assert rivals["reference"].obstacle == "reads other items"


def test_the_candidate_itself_is_known_again() -> None:
    assert find(CHAMPION.model_copy(update={"version": "8"}))["champion"].is_candidate
