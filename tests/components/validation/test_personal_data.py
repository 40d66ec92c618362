"""What is found in texts, what is not, and what masking leaves."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.validation import personal_data
from components.validation.personal_data import (
    PERSONAL_DATA_KINDS,
    PersonalDataKind,
    count_personal_data,
    mask_personal_data,
)

FINDS: list[tuple[PersonalDataKind, str]] = [
    ("email", "john@example.com"),
    ("email", "john.o'brien+films@mail.example.co.uk"),
    ("email", "jürgen_2@müller-söhne.de"),
    ("email", "7@q.org"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB29NWBK60161331926819"),
    ("iban", "mt84malt011000012345mtlcast001s"),
    ("iban", "NO93\u00a08601\u00a01117\u00a0947"),
    ("card", "4111 1111 1111 1111"),
    ("card", "5555-5555-5555-4444"),
    ("card", "2223003122003222"),
    ("card", "3782 822463 10005"),
    ("card", "30569309025904"),
    ("card", "6011000990139424"),
    ("card", "3530\u20111113\u20113330\u20110000"),
    ("us_ssn", "123-45-6789"),
    ("ip_address", "192.168.1.10"),
    ("ip_address", "203.0.113.7"),
    ("ip_address", "12.0.0.100"),
    ("ip_address", "2001:db8::1"),
    ("ip_address", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "(+44) 20 7946 0958"),
    ("phone", "+44 (0)20-7946-0958"),
    ("phone", "+442079460958"),
    ("phone", "+33 1 23 45 67 89"),
    ("phone", "(415) 555-2671"),
    ("phone", "415-555-2671"),
    ("phone", "1.415.555.2671"),
]

NO_FINDS = [
    # films, years, scores, prices, dates
    "2001: A Space Odyssey",
    "1984-2019, 12/31/2019 and 2019-12-31 23:59:59",
    "9/10, 4.5/5, 7+ of 10, A+ 2019",
    "$1,299.99 of 12 345 678 or +50 000 000",
    "Ocean's 11 12 13, 48 Hrs., 127 Hours, 300",
    # the twins of finds
    "@john of example.com, john@example, john @ example.com, 3@2.50",
    "logo@2x.png and my-logo@3x.jpg",
    "DE89 3704 0044 0532 0130 01",  # check digits
    "XX89 3704 0044 0532 0130 00",  # no such country
    "DE89 3704 0044 0532 0130",  # too short
    "4111 1111 1111 1112",  # Luhn
    "1111 1111 1111 1117",  # Luhn holds, but nobody issues it
    "41111111111111110004",  # part of a longer number
    "4222222222222",  # 13 digits, as an article number has
    "0.4111111111111111",
    "ISBN 978-0-306-40615-7, 9780306406157, 978-0-415-555-2671",
    "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567, 123 45 6789, 1234-56-789",
    "123-45-67890, 123-45-6789-0, 0-123-45-6789, 4111-1111-1111-1111-2",
    "version 1.2.3.4 or 4.5.103.35, v20.20.30.140, 12.4.254.14-node, section 20.11.12.13",
    "256.100.100.100, 1.2.3.4.100, 100.2.3, 010.1.1.100",
    "127.0.0.1 and 255.255.255.0 and 224.0.0.251",  # nobody's addresses
    "12:30::45, std::vector::cafe, 2001:05:06, 00:1b:44:11:3a:b7, 2001:db8:::1",
    "+44 20 7946, +1 300 400 5000, ++442079460958",
    "555-2671, 300-400-5000, 123-456-7890, 252.227-7013, 415 555 2671, 4155552671",
]

# A plain word is no part of any number: letters, no blanks.
WORDS = st.lists(st.sampled_from(["the", "Film", "is", "ÜBER", "好", "a", "(loud)", "THIS", "—"]))
ALPHABET = "a1b2 4@.+-:()[]xX5/,\u00a0\u2011ü好_0\n6379"
TEXTS = (
    st.text()
    | st.text(ALPHABET, max_size=60)
    | st.lists(
        st.one_of(
            st.sampled_from([text for _, text in FINDS] + NO_FINDS), st.text(ALPHABET, max_size=2)
        )
    ).map("".join)
)


def count(text: str) -> dict[str, int]:
    counts = count_personal_data(pa.chunked_array([[text]]))
    assert list(counts) == list(PERSONAL_DATA_KINDS)
    return {kind: int(number) for kind, [number] in counts.items() if number}


def mask(text: str) -> str:
    [masked] = mask_personal_data(pa.chunked_array([[text]])).to_pylist()
    assert isinstance(masked, str)
    return masked


@pytest.mark.parametrize(("kind", "text"), FINDS)
@pytest.mark.parametrize("around", ["({}).", "wrote:{}, then", "<{}>", "好{}好", "…{} 3 times"])
def test_a_find_is_counted_and_masked_alone(kind: PersonalDataKind, text: str, around: str) -> None:
    assert count(around.format(text)) == {kind: 1}
    assert mask(around.format(text)) == around.format(f"[{kind}]")


@pytest.mark.parametrize("text", NO_FINDS)
def test_what_only_looks_like_a_find_stays(text: str) -> None:
    assert count(text) == {}
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111111111111111,5555555555554444", "[card],[card]"),
        ("4111 1111 1111 1111 123", "[card] 123"),
        ("1234 4111 1111 1111 1111", "1234 [card]"),
        ("+1 415 555 2671 5 stars", "[phone] 5 stars"),
        ("+44 20 7946 0958 +44 20 7946 0959", "[phone] [phone]"),
        ("ES91 2100 0418 4502 0005 1332 THIS IS 2019", "[iban] THIS IS 2019"),
        ("203.0.113.7:8080 - 203.0.113.8/24", "[ip_address]:8080 - [ip_address]/24"),
        ("203.0.113.7-203.0.113.20", "[ip_address]-[ip_address]"),
        ("http://[2001:db8::1]:443/", "http://[[ip_address]]:443/"),
        ("root@203.0.113.7", "root@[ip_address]"),
        ("...john@example.com...", "...[email]..."),
        ("mailto:john@example.com?cc=ann@example.com", "mailto:[email]?cc=[email]"),
    ],
)
def test_neighbours_of_a_find_stay(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_what_masking_sets_free_is_masked_and_counted_too() -> None:
    # A digit and a dot before it: part of a decimal number, until the phone is masked.
    text = "+442079460958.4111111111111111"
    assert mask(text) == "[phone].[card]"
    assert count(text) == {"card": 1, "phone": 1}


@given(TEXTS)
def test_a_masked_text_has_no_find(text: str) -> None:
    masked = mask(text)
    assert count(masked) == {}
    assert mask(masked) == masked
    assert (masked == text) == (count(text) == {})


@given(st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@")))
def test_without_digits_and_at_signs_nothing_changes(text: str) -> None:
    assert mask(text) == text


@given(st.sampled_from(FINDS), WORDS, WORDS)
def test_a_find_among_words_is_always_found(
    find: tuple[PersonalDataKind, str], before: list[str], after: list[str]
) -> None:
    kind, text = find
    assert mask(" ".join([*before, text, *after])) == " ".join([*before, f"[{kind}]", *after])


@pytest.fixture
def short_slices(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(personal_data, "TEXTS_PER_SLICE", 2)
    yield


@pytest.mark.usefixtures("short_slices")
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_rows_nulls_and_type_are_kept(kind: pa.DataType) -> None:
    chunks = [
        ["a", None, "to ann@example.com or bob@example.com", "b"],
        [],
        ["4111111111111111", "+44 20 7946 0958, ann@example.com", None, "c"],
    ]
    texts = pa.chunked_array(chunks, kind)[1:]  # a column that begins within its buffers
    masked = mask_personal_data(texts)
    assert masked.type == kind
    after = [None, "to [email] or [email]", "b", "[card]", "[phone], [email]", None, "c"]
    assert masked.to_pylist() == after
    counts = count_personal_data(texts)
    assert all(numbers.dtype == np.int64 for numbers in counts.values())
    found = {kind: numbers.tolist() for kind, numbers in counts.items() if numbers.any()}
    assert found == {
        "email": [0, 2, 0, 0, 1, 0, 0],
        "card": [0, 0, 0, 1, 0, 0, 0],
        "phone": [0, 0, 0, 0, 1, 0, 0],
    }


def test_a_column_without_finds_is_not_copied() -> None:
    texts = pa.chunked_array([["2001: A Space Odyssey", None], ["9/10"]])
    masked = mask_personal_data(texts)
    assert masked.equals(texts)
    assert [chunk.buffers()[2].address for chunk in masked.chunks] == [
        chunk.buffers()[2].address for chunk in texts.chunks
    ]


def test_an_empty_column_stays() -> None:
    texts = pa.chunked_array([], pa.string())
    assert mask_personal_data(texts).equals(texts)
    assert [len(numbers) for numbers in count_personal_data(texts).values()] == [0] * 6


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="int64; allowed: string or large_string"):
        count_personal_data(pa.chunked_array([[1, 2]]))
    with pytest.raises(ValueError, match="int64; allowed: string or large_string"):
        mask_personal_data(pa.chunked_array([[1, 2]]))
