"""Downloading one large file over HTTP: it goes on where a connection broke off."""

import codecs
import logging
from collections.abc import Callable
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util import Retry

logger = logging.getLogger(__name__)

RETRY = Retry(
    total=6, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False
)
"""Tries without any progress: the first again at once, then after 2, 4, ... seconds."""
MISSING = (403, 404, 410)
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1 << 16
SHOWN_BYTES = 60


class MissingFileError(ValueError):
    """The server has no such file, or gives it to nobody."""


class WrongStartError(ValueError):
    """What the server sends does not even begin like the file, as a web page in its place."""


class WrongContentError(ValueError):
    """A complete file is not what it should be."""


class BrokenOffError(ConnectionError):
    """The connection ended before the file did."""


def open_session(retry: Retry) -> requests.Session:
    """Return a session that tries again where a connection fails or a server is busy."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    # Packed on the way, a file's bytes could not be counted.
    session.headers["Accept-Encoding"] = "identity"
    return session


def fetch_file(
    address: str, path: Path, begins: str, check: Callable[[Path], None], retry: Retry = RETRY
) -> None:
    """Download a file; it gets its name once it is complete and checked.

    Until then it is called `<name>.part`. Another call goes on with what is there, if the server
    can (HTTP Range), or else from the start.

    Args:
        address: Where it lies.
        path: Where it goes; its folder is made.
        begins: The character that it must begin with but for white space: nothing else is saved.
        check: Reads the complete file and raises a ValueError if it is not what it should be.
        retry: How often and how patiently is tried again.

    Raises:
        MissingFileError: If the server has no such file.
        WrongStartError: If it begins otherwise.
        WrongContentError: If the check fails; the file is not kept.
        BrokenOffError: If the connection breaks off again and again; what came is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    tries = retry
    with open_session(retry) as session:
        while True:
            num_before = size_of(part)
            try:
                fetch_rest(session, address, part, begins)
                break
            except BrokenOffError as err:
                if size_of(part) > num_before:
                    tries = retry
                tries = count_try(tries, address, err)
                logger.warning("%s; going on from byte %d", err, size_of(part))
                tries.sleep()
    try:
        check(part)
    except ValueError as err:
        part.unlink()
        raise WrongContentError(f"{address}: {err}; the file was not kept") from err
    part.replace(path)


def fetch_rest(session: requests.Session, address: str, part: Path, begins: str) -> None:
    """Append what is still missing to the part of a file, or start again where there is no way.

    Raises:
        MissingFileError: If the server has no such file.
        WrongStartError: If the file begins otherwise than it should.
        BrokenOffError: If the connection ends before the file does.
    """
    num_have = size_of(part)
    headers = {"Range": f"bytes={num_have}-"} if num_have else {}
    with session.get(address, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if response.status_code in MISSING:
            raise MissingFileError(f"{address}: no such file is given ({response.status_code})")
        if response.status_code == requests.codes.range_not_satisfiable and num_have:
            if response.headers.get("Content-Range") == f"bytes */{num_have}":
                return  # all of it was there
            part.unlink()
            raise BrokenOffError(f"{address}: is not the file any more that {part} began with")
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            num_have = 0
        save_body(response, part, num_have, begins)


def save_body(response: requests.Response, part: Path, start: int, begins: str) -> None:
    """Write a response's body to the part of a file, from byte `start`.

    Raises:
        WrongStartError: If the file begins otherwise than it should.
        BrokenOffError: If the connection ends before the body does.
    """
    length = response.headers.get("Content-Length")
    total = start + int(length) if length else None
    bar = tqdm(total=total, initial=start, desc=part.stem, unit="B", unit_scale=True)
    chunks = response.iter_content(CHUNK_BYTES)
    with bar:
        try:
            first = next(chunks, b"")
            if not start:
                check_start(response.url, first, begins)
            with part.open("ab" if start else "wb") as file:
                while first:
                    bar.update(file.write(first))
                    first = next(chunks, b"")
        except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as err:
            raise BrokenOffError(f"{response.url}: the connection broke off") from err


def check_start(address: str, data: bytes, begins: str) -> None:
    """Refuse what does not begin as it should, as a web page in place of a file.

    Raises:
        WrongStartError: Names the address and shows the first bytes.
    """
    text = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text.startswith(begins.encode()):
        raise WrongStartError(
            f"{address}: expected JSON that begins with {begins!r}, got {text[:SHOWN_BYTES]!r}"
        )


def count_try(tries: Retry, address: str, error: BrokenOffError) -> Retry:
    """Return how many tries are left after one that failed.

    Raises:
        BrokenOffError: If none is.
    """
    try:
        return tries.increment("GET", address, error=ProtocolError(str(error)))
    except MaxRetryError:
        raise BrokenOffError(
            f"{error} again and again; the same command goes on from there"
        ) from error


def size_of(path: Path) -> int:
    """Return a file's bytes, 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0
