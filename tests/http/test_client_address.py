"""Whose address counts, and how much of what a request says about itself is believed."""

import pytest

from callgenie.http.client_address import client_address


def scope(peer: str | None, *forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"type": "http", "client": None if peer is None else (peer, 1), "headers": headers}


def test_without_trusted_proxies_only_the_peer_counts() -> None:
    assert client_address(scope("192.0.2.1", "198.51.100.7"), 0) == "192.0.2.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "client"),
    [
        (1, ["198.51.100.7"], "198.51.100.7"),
        (1, ["10.0.0.1, 198.51.100.7"], "198.51.100.7"),
        (1, ["10.0.0.1", "198.51.100.7"], "198.51.100.7"),
        (2, ["10.0.0.1, 198.51.100.7, 203.0.113.3"], "198.51.100.7"),
        (2, ["198.51.100.7"], "198.51.100.7"),
        (1, [], "192.0.2.1"),
        (1, ["198.51.100.7:4711"], "198.51.100.7"),
        (1, ["[2001:db8::7]:4711"], "2001:db8::/64"),
        (1, ["made up, \xe9"], "unknown"),
        (1, [""], "unknown"),
    ],
)
def test_of_trusted_proxies_the_last_ones_are_believed(hops: int, forwarded: list[str], client: str) -> None:
    assert client_address(scope("192.0.2.1", *forwarded), hops) == client


def test_a_whole_ipv6_network_is_one_client() -> None:
    one, other = (client_address(scope(f"2001:db8:0:1::{tail}"), 0) for tail in ("1", "ffff:2"))
    assert one == other == "2001:db8:0:1::/64"
    assert client_address(scope("2001:db8:0:2::1"), 0) != one
    assert client_address(scope("::ffff:192.0.2.1"), 0) == "192.0.2.1"
    assert client_address(scope(None), 0) == "unknown"
