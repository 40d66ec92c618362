"""`make serve`: the address of the page."""

from urllib.parse import parse_qs, urlsplit

from infra.local_gateway import write_address


def test_the_address_tells_no_server_the_key():
    address = urlsplit(write_address(8123, "k+y", ["anna b", "ü"], "a & b"))
    assert (address.netloc, address.path, address.query) == ("127.0.0.1:8123", "/", "")
    assert parse_qs(address.fragment) == {
        "key": ["k+y"],
        "user": ["anna b", "ü"],
        "text": ["a & b"],
    }
