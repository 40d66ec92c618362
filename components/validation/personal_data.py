"""Personal data in users' texts: found by pattern and check digit, counted by kind, masked.

Nothing is sent anywhere. What is looked for, what is not and why: docs/decisions/0012.

Legend: N texts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal, get_args

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from stdnum import iban, luhn
from stdnum.us import ssn

PersonalDataKind = Literal["email", "iban", "card", "us_ssn", "ip_address", "phone"]
PERSONAL_DATA_KINDS: tuple[PersonalDataKind, ...] = get_args(PersonalDataKind)
"""In this order they are looked for: what one kind has masked is no other's find."""

TEXT_TYPES = (pa.string(), pa.large_string())
TEXTS_PER_SLICE = 65_536
MIN_FIRST_PART = 12
"""Of an IPv4 address: versions begin with less, and 10 and 11 are no users' addresses."""


@dataclass(frozen=True)
class _Pattern:
    hint: str
    """RE2, matches wherever `shape` does: Arrow's kernels look for it in whole columns."""
    shape: re.Pattern[str]
    is_valid: Callable[[str], bool]


def count_personal_data(texts: pa.ChunkedArray) -> dict[PersonalDataKind, np.ndarray]:
    """Count the personal data in each text.

    Args:
        texts: Strings [N], perhaps with nulls.

    Returns:
        By kind, the number of finds in each text, int64 [N]; 0 for a null.

    Raises:
        ValueError: If the texts are no strings.
    """
    counts = {kind: np.zeros(len(texts), np.int64) for kind in PERSONAL_DATA_KINDS}
    start = 0
    for piece in _cut(texts):
        for row, text, kinds in _list_candidates(piece):
            for kind, number in _mask(text, kinds)[1].items():
                counts[kind][start + row] = number
        start += len(piece)
    return counts


def mask_personal_data(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Replace personal data by the name of its kind: `[email]`, `[phone]`.

    Args:
        texts: Strings [N], perhaps with nulls.

    Returns:
        Strings [N] of the same type, nulls where they were, without any find; a text without
        finds is byte for byte what it was.

    Raises:
        ValueError: If the texts are no strings.
    """
    return pa.chunked_array([_mask_piece(piece) for piece in _cut(texts)], texts.type)


def _cut(texts: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield slices so short that what is made of one by the way takes little memory."""
    if texts.type not in TEXT_TYPES:
        allowed = " or ".join(map(str, TEXT_TYPES))
        raise ValueError(f"texts are of type {texts.type}; allowed: {allowed}")
    for chunk in texts.chunks:
        for start in range(0, len(chunk), TEXTS_PER_SLICE):
            yield chunk.slice(start, TEXTS_PER_SLICE)


def _list_candidates(piece: pa.Array) -> Iterator[tuple[int, str, list[PersonalDataKind]]]:
    """Yield row, text and hinted kinds where some kind is hinted at; the rest Arrow passes over."""
    rows = np.flatnonzero(_match(piece, _ANY_HINT))
    texts = piece.take(pa.array(rows))
    hints = {kind: _match(texts, pattern.hint) for kind, pattern in _PATTERNS.items()}
    for number, (row, text) in enumerate(zip(rows.tolist(), texts.to_pylist(), strict=True)):
        yield row, text, [kind for kind in PERSONAL_DATA_KINDS if hints[kind][number]]


def _match(piece: pa.Array, pattern: str) -> np.ndarray:
    """Return in which texts an RE2 pattern is found, bool; False for a null."""
    found = pc.fill_null(pc.match_substring_regex(piece, pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False))


def _mask_piece(piece: pa.Array) -> pa.Array:
    changed = np.zeros(len(piece), bool)
    masked = []
    for row, text, kinds in _list_candidates(piece):
        masked_text, counts = _mask(text, kinds)
        if counts:
            changed[row] = True
            masked.append(masked_text)
    if not masked:
        return piece
    return pc.replace_with_mask(piece, pa.array(changed), pa.array(masked, piece.type))


def _mask(text: str, kinds: Sequence[PersonalDataKind]) -> tuple[str, Counter[PersonalDataKind]]:
    """Mask until nothing is found: where a find was, its neighbours may be complete numbers.

    No find overlaps a mask. So it stood in the text from the start, where its hint was seen; and
    each one makes what is left of the text shorter, so there is an end.
    """
    counts: Counter[PersonalDataKind] = Counter()
    num_found = -1
    while num_found != counts.total():
        num_found = counts.total()
        for kind in kinds:
            spans = list(_find(text, _PATTERNS[kind]))
            if spans:
                starts, ends = zip(*spans, strict=True)
                kept = zip((0, *ends), (*starts, len(text)), strict=True)
                text = f"[{kind}]".join(text[start:end] for start, end in kept)
                counts[kind] += len(spans)
    return text, counts


def _find(text: str, pattern: _Pattern) -> Iterator[tuple[int, int]]:
    """Yield start and end of every find, in order and without overlap."""
    position = 0
    while match := pattern.shape.search(text, position):
        length = _measure(match[0], pattern.is_valid)
        if length:
            yield match.start(), match.start() + length
        # A refused candidate may hide a find that begins within it.
        position = match.start() + (length or 1)


def _measure(candidate: str, is_valid: Callable[[str], bool]) -> int:
    """Return the length of the longest valid beginning that ends at a blank; 0 if there is none.

    Words and numbers that follow look like groups of the number: `+44 20 7946 0958 3 times`.
    """
    ends = [len(candidate), *(blank.start() for blank in reversed([*_BLANK.finditer(candidate)]))]
    return next((end for end in ends if is_valid(candidate[:end])), 0)


def _is_email(candidate: str) -> bool:
    """Tell an address from the file of an image for dense screens: `logo@2x.png`."""
    return not re.search(r"@\dx\.", candidate)


def _is_card(candidate: str) -> bool:
    digits = re.sub(r"\D", "", candidate)
    return bool(_ISSUED_CARD.fullmatch(digits)) and luhn.is_valid(digits)


def _is_ip_address(candidate: str) -> bool:
    """Tell whether this can be somebody's address, and not a version: `1.2.3.4`, `4.5.103.35`."""
    try:
        if ":" in candidate:
            return bool(IPv6Address(candidate))
        address = IPv4Address(candidate)
    except AddressValueError:
        return False
    nobodys = address.is_loopback or address.is_multicast or address.is_reserved
    parts = [int(part) for part in candidate.split(".")]
    return not nobodys and parts[0] >= MIN_FIRST_PART and max(parts) >= 100


def _is_phone(candidate: str) -> bool:
    try:
        number = phonenumbers.parse(candidate, "US")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


# Letters and digits are ASCII, so that a number is found between words of other scripts.
_GAP = "[ \u00a0\u2010\u2011-]"  # the characters themselves, since RE2 has no \u
_BLANK = re.compile(r"[ \u00a0]")
_BEFORE = r"(?<!\w)(?<!\d[.-])"
_AFTER = r"(?!\w)(?!-\d)"

# The HTML standard's e-mail address (html.spec.whatwg.org/#valid-e-mail-address), narrowed to what
# stands in a text: a domain that ends in letters, none of the marks !#$*/=?^`{|}~, and widened by
# the letters of European languages.
_LETTER = r"A-Za-z\u00c0-\u024f"
_LABEL = rf"[{_LETTER}0-9](?:[{_LETTER}0-9-]{{0,61}}[{_LETTER}0-9])?"
_EMAIL = (
    rf"(?<![{_LETTER}0-9_])[{_LETTER}0-9_][{_LETTER}0-9_.%+'&-]{{0,63}}"
    rf"@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}(?![{_LETTER}0-9])"
)

# Length and first digits of the cards that are in use (ISO/IEC 7812): Visa; Mastercard; American
# Express; Diners Club; Discover; JCB; UnionPay. Visa's old 13 digits are left out: they are those
# of an article number (EAN).
_ISSUED_CARD = re.compile(
    r"4\d{15}"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}"
    r"|62\d{14}(?:\d{3})?"
)
_CARD = (
    rf"{_BEFORE}(?:\d{{14,19}}|\d{{4}}(?:{_GAP}\d{{4}}){{3}}(?:{_GAP}\d{{3}})?"
    rf"|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4,5}}){_AFTER}"
)

# IPv6: of the addresses that are routed (2000::/3), those with three colons or more.
_IP_ADDRESS = (
    r"(?<!\w)(?:(?<!\d\.)[1-9]\d{0,2}(?:\.\d{1,3}){3}(?!\.?\w|-[A-Za-z])"
    r"|[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){2,6}[0-9A-Fa-f]{1,4}(?!\w))"
)

# International with its plus; North American also without, if punctuation groups it 3-3-4.
_PHONE = (
    r"(?:(?<![\w+])(?:\(\+\d{1,3}\) ?|\+)\(?\d(?:[ \u00a0\u2010\u2011./()-]{0,2}\d){6,14}"
    rf"|{_BEFORE}(?:1[ .-])?"
    rf"(?:\(\d{{3}}\) ?\d{{3}}[ .-]|\d{{3}}-\d{{3}}-|\d{{3}}\.\d{{3}}\.)\d{{4}}){_AFTER}"
)

_PATTERNS: dict[PersonalDataKind, _Pattern] = {
    "email": _Pattern(r"[^\s@]@[^\s@]", re.compile(_EMAIL), _is_email),
    "iban": _Pattern(
        r"[A-Za-z]{2}\d{2}[ \x{a0}]?[0-9A-Za-z]{4}",
        re.compile(
            r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ \u00a0]?[0-9A-Za-z]{4}){2,7}"
            r"(?:[ \u00a0]?[0-9A-Za-z]{1,4})?(?!\w)",
            re.ASCII,
        ),
        iban.is_valid,
    ),
    "card": _Pattern(
        rf"\d{{14}}|(?:\d{{4}}{_GAP}){{3}}\d{{4}}|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4}}",
        re.compile(_CARD, re.ASCII),
        _is_card,
    ),
    "us_ssn": _Pattern(
        r"\d{3}-\d{2}-\d{4}",
        re.compile(rf"{_BEFORE}\d{{3}}-\d{{2}}-\d{{4}}{_AFTER}", re.ASCII),
        ssn.is_valid,
    ),
    "ip_address": _Pattern(
        r"\d\.\d{1,3}\.\d{1,3}\.\d|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*:",
        re.compile(_IP_ADDRESS, re.ASCII),
        _is_ip_address,
    ),
    "phone": _Pattern(
        r"\+\(?\d|\d{3}[).-] ?\d{3}[ .-]\d{4}", re.compile(_PHONE, re.ASCII), _is_phone
    ),
}
_ANY_HINT = "|".join(pattern.hint for pattern in _PATTERNS.values())
