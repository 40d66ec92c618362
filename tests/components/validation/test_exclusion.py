"""Who was erased and still is in the source."""

from pathlib import Path

from components.histories.tables import Histories, write_histories
from components.user_hash import hash_user
from components.validation.exclusion import leave_out_erased
from components.validation.tombstones import ErasedUsers
from tests.components.validation.histories import make_rows

KEY = b"k"
LIMITS = {"bayes": {"accuracy": {"q0": 1.0, "q2": 0.5}}}


def erase(*users: str) -> ErasedUsers:
    return ErasedUsers(frozenset(hash_user(user, KEY) for user in users), KEY)


def make(directory: Path) -> Histories:
    """Return ann's and bob's histories; bob's last question has an item of ann's in its history."""
    rows = make_rows()
    rows.questions[-1]["history"] = [0, 5]
    return write_histories(directory, rows.item_table(), rows.question_table(), LIMITS)


def test_nothing_of_an_erased_user_is_left(tmp_path: Path) -> None:
    histories = make(tmp_path / "read")
    ids = list(histories.questions["question_id"])
    assert [set(histories.items["user_id"]), ids] == [{"ann", "bob"}, ["q0", "q1", "q2", "q3"]]

    left = leave_out_erased(histories, erase("ann", "someone"), tmp_path / "left")

    assert list(left.items["item_id"]) == ["i4", "i5"]
    assert list(left.questions["question_id"]) == ["q2", "q3"]
    assert list(left.questions["history"]) == [[0, 1], [1]]  # ann's item 0 is gone, 5 is row 1
    assert left.limits == {"bayes": {"accuracy": {"q2": 0.5}}}


def test_without_erased_users_nothing_is_written(tmp_path: Path) -> None:
    histories = make(tmp_path / "read")

    assert leave_out_erased(histories, erase("someone"), tmp_path / "left") is histories
    assert not (tmp_path / "left").exists()
