"""Links and users taken apart, by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.validation.source_tables import (
    list_texts,
    open_tables,
    take_apart,
    take_or,
    take_texts,
)
from tests.components.validation.histories import (
    HEADLINE,
    SCORE,
    make_rows,
    open_rows,
    replace_table,
    spoil_item,
    spoil_question,
    write,
)


def test_links_stand_question_by_question(tmp_path: Path) -> None:
    tables = open_rows(tmp_path, make_rows())
    assert tables.question_rows_L.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert tables.item_rows_L.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5]


def test_users_are_numbered_over_both_tables(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_question(3, user_id="cyd")(rows)
    tables = open_rows(tmp_path, rows)
    assert tables.user_ids.to_pylist() == ["ann", "bob", "cyd"]
    assert tables.users_I.tolist() == [0, 0, 0, 0, 1, 1]
    assert tables.users_Q.tolist() == [0, 0, 1, 2]


def test_what_is_missing_is_no_row_and_no_user(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write(tmp_path, rows)
    spoil_item(0, user_id=None)(rows)
    spoil_question(3, history=[6, -1, None, 5])(rows)
    replace_table(histories, "items", rows.item_table())
    replace_table(histories, "questions", rows.question_table())
    tables = take_apart(*open_tables(histories))
    assert tables.item_rows_L.tolist()[-4:] == [-1, -1, -1, 5]
    assert tables.users_I.tolist() == [-1, 0, 0, 0, 1, 1]


def test_outputs_are_users_texts_unless_they_are_labels() -> None:
    assert list_texts("items", HEADLINE) == ("text", "input", "output")
    assert list_texts("questions", SCORE) == ("input", "payload")


def test_a_row_that_is_none_takes_the_other_value() -> None:
    assert take_or(np.array([5, 6]), np.array([1, -1, 0]), 9).tolist() == [6, 9, 5]


@pytest.mark.parametrize("rows", [[0, 2, 5], [5, 0, 2, 2], [], [4]])
def test_texts_are_taken_as_arrow_takes_them(rows: list[int]) -> None:
    texts = pa.chunked_array([["a", None], [], ["c", "d", "e"], ["f"]])
    taken = take_texts(texts, np.array(rows, np.int64))
    assert taken.to_pylist() == [texts[row].as_py() for row in rows]


def test_texts_are_taken_from_a_column_of_more_than_two_gigabytes() -> None:
    chunk = pa.array(["x" * 1_000_000] * 140)
    texts = pa.chunked_array([chunk] * 16)  # the same buffer 16 times
    assert [len(text) for text in take_texts(texts, np.array([2239, 0])).to_pylist()] == [10**6] * 2
