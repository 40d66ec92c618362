"""Source files: every kind is read alike, and what is wrong is named with its place."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.histories.source_files import read_elements, read_json, read_rows
from tests.components.histories.source_writers import write_jsonl, write_text

ROWS = [{"user": "ann", "score": "2"}, {"user": "bob", "score": "3"}]


@pytest.mark.parametrize("shout", [False, True])
@pytest.mark.parametrize("name", ["e.jsonl", "e.jsonl.gz", "e.csv", "e.csv.gz", "e.parquet"])
def test_all_kinds_of_files_give_the_same_rows(tmp_path: Path, name: str, shout: bool) -> None:
    path = tmp_path / (name.upper() if shout else name)
    if "jsonl" in name:
        write_jsonl(path, ROWS)
        numbers = [1, 2]
    elif "csv" in name:
        write_text(path, "user,score\nann,2\nbob,3\n")
        numbers = [2, 3]
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
        numbers = [1, 2]
    assert list(read_rows(path)) == list(zip(numbers, ROWS, strict=True))


def test_csv_values_may_span_lines_and_the_file_may_begin_with_a_byte_order_mark(
    tmp_path: Path,
) -> None:
    path = write_text(tmp_path / "e.csv", '\ufeffuser,text\nann,"two\nlines"\n')
    assert list(read_rows(path)) == [(3, {"user": "ann", "text": "two\nlines"})]


def test_blank_lines_count_as_lines_but_not_as_rows(tmp_path: Path) -> None:
    path = write_text(tmp_path / "e.jsonl", '{"a": 1}\n\n{"a": 2}\n')
    assert list(read_rows(path)) == [(1, {"a": 1}), (3, {"a": 2})]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("e.jsonl", "", "empty"),
        ("e.jsonl.gz", "", "empty"),
        ("e.csv", "", "empty"),
        ("e.csv", "user,score\n", "empty"),
        ("e.jsonl", '{"a": 1}\n{"a": x}\n', "row 2, column 7: no JSON"),
        ("e.jsonl", '{"a": 1}\n{"a": \n', "row 2, column 7: no JSON"),
        ("e.jsonl", '{"a": 1}\r\n{"a": \r\n{"a": 3}\r\n', "row 2, column 7: no JSON"),
        ("e.jsonl", '{"a": 1}\n[1]\n', "row 2: expected an object .* got list"),
        ("e.csv", "a,b\n1,2\n1,2,3\n", "row 3: more values than the 2 columns"),
        ("e.csv", 'a,b\n1,"2\n', "row 2: no valid CSV"),
        ("e.csv", 'a,b\n1,"2\n3,4\n5,6\n', "rows 2 to 4: no valid CSV: unexpected end of data"),
        ("e.csv", "a,b\n" + "1,2\n" * 5 + '1,"2"x\n1,2\n', "row 7: no valid CSV"),
        ("e.csv", 'a,"b"x\n1,2\n', "row 1: no valid CSV"),
        ("e.txt", "a", "unknown kind"),
        ("e.parquet", "no parquet", "no valid parquet"),
    ],
)
def test_bad_rows_name_file_and_row(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = write_text(tmp_path / name, text)
    with pytest.raises(ValueError, match=said) as caught:
        list(read_rows(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"x": ' + "9" * 5000 + "}"], ids=["deep", "long"])
def test_json_beyond_the_parsers_limits_names_file_and_row(tmp_path: Path, line: str) -> None:
    path = write_text(tmp_path / "e.jsonl", '{"x": 1}\n' + line)
    with pytest.raises(ValueError, match=r"e\.jsonl, row 2: no JSON that can be read"):
        list(read_rows(path))
    with pytest.raises(ValueError, match=r"e\.json, row 1: no JSON that can be read"):
        read_json(write_text(tmp_path / "e.json", line))


def test_a_time_that_python_has_no_name_for_is_named(tmp_path: Path) -> None:
    table = pa.table({"t": pa.array([2**62], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "e.parquet")
    with pytest.raises(ValueError, match=r"e\.parquet, rows from 1 on: a value can't be read"):
        list(read_rows(tmp_path / "e.parquet"))


def test_columns_that_stand_twice_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "e.parquet")
    for path in (tmp_path / "e.parquet", write_text(tmp_path / "e.csv", "text,text\na,b\n")):
        with pytest.raises(ValueError, match=rf"{path.name}: columns stand twice: \['text'\]"):
            list(read_rows(path))


def test_a_field_of_a_csv_may_be_giant(tmp_path: Path) -> None:
    path = write_text(tmp_path / "e.csv", f"text\n{'x' * 200_000}\n")
    assert [len(row["text"]) for _, row in read_rows(path)] == [200_000]


@pytest.mark.parametrize("name", ["e.jsonl", "e.parquet", "e.csv.gz"])
def test_absent_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: there is no such file"):
        list(read_rows(tmp_path / name))


def test_truncated_gz_is_an_error_at_every_length(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"a": 1}\n' * 50)
    path = tmp_path / "e.jsonl.gz"
    for length in (1, 5, 15, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"e\.jsonl\.gz: .*(cut off|no valid \.gz)"):
            list(read_rows(path))


def test_a_gz_that_is_none_and_a_text_that_is_no_utf_8(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl.gz").write_bytes(b'{"a": 1}\n')
    with pytest.raises(ValueError, match=r"e\.jsonl\.gz: no valid \.gz"):
        list(read_rows(tmp_path / "e.jsonl.gz"))
    (tmp_path / "e.csv").write_bytes(b"user\nJos\xe9\n")
    with pytest.raises(ValueError, match=r"e\.csv: no UTF-8"):
        list(read_rows(tmp_path / "e.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "empty"), ('[{"id": 1},\n oops]', "row 2, column 2"), ("<html>", "row 1, column 1")],
)
def test_bad_documents(tmp_path: Path, text: str, said: str) -> None:
    path = write_text(tmp_path / "q.json", text)
    with pytest.raises(ValueError, match=rf"q\.json.*{said}"):
        read_json(path)


@pytest.mark.parametrize("name", ["q.json", "q.json.gz"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_elements_are_what_the_whole_document_holds(tmp_path: Path, name: str, mark: str) -> None:
    text = ' [{"a": [1, 2.0, 2.5, true, null, {"b": "\\u00e4\\ud83d\\ude00"}]},\n 3, "x"] \n'
    path = write_text(tmp_path / name, mark + text)
    elements = list(read_elements(path, "question"))
    assert elements == json.loads(text)
    assert [type(value) for value in elements[0]["a"][:3]] == [int, float, float]


def test_elements_come_before_the_rest_is_read(tmp_path: Path) -> None:
    path = write_text(tmp_path / "q.json", "[" + "1," * 100_000 + " oops")
    elements = read_elements(path, "question")
    assert [next(elements), next(elements)] == [1, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"q\.json: the file is empty"),
        (" \n", r"q\.json: the file is empty"),
        ('{"a": 1}', r"q\.json: expected a list of questions, got dict"),
        ("null", "expected a list of questions, got null"),
        ("<html>secret", r"q\.json, question number 1: no JSON: "),
        ('[{"id": 1}, {"id": secret}]', r"q\.json, question number 2: no JSON: "),
        ('[{"id": 1}, {"id": "secret', r"q\.json, question number 2: no JSON: "),
        ('[{"id": 1}', r"q\.json, question number 2: no JSON: "),
        ('[{"id": 1}] secret', r"q\.json, question number 2: no JSON: "),
    ],
)
def test_bad_arrays_name_file_and_element(tmp_path: Path, text: str, said: str) -> None:
    path = write_text(tmp_path / "q.json", text)
    with pytest.raises(ValueError, match=said) as caught:
        list(read_elements(path, "question"))
    assert "secret" not in str(caught.value)


def test_arrays_that_are_cut_off_absent_or_no_utf_8(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"q\.json: there is no such file"):
        list(read_elements(tmp_path / "q.json", "question"))
    (tmp_path / "q.json").write_bytes(b'["Jos\xe9"]')
    with pytest.raises(ValueError, match=r"q\.json, question number 1: no JSON: .*UTF"):
        list(read_elements(tmp_path / "q.json", "question"))
    whole = gzip.compress(json.dumps(list(range(5000))).encode())
    path = tmp_path / "q.json.gz"
    for length in (1, 5, 15, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"q\.json\.gz: .*(cut off|no valid \.gz)"):
            list(read_elements(path, "question"))
