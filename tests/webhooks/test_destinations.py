import pytest
from tests.support.webhook_receiver import ResolverBook

from callgenie.webhooks.destinations import Destinations, HostNotFoundError, SystemResolver, is_public
from callgenie.webhooks.errors import WebhookUrlNotAllowedError

PUBLIC = ("93.184.215.14", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1")
INSIDE = (
    "0.0.0.0",  # noqa: S104 -- nobody listens there
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "64:ff9b::7f00:1",
    "64:ff9b::5db8:d70e",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:5db8:d70e::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*INSIDE, "", "localhost", "127.1", "0x7f000001"])
def test_no_other_address_is(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", INSIDE)
async def test_a_host_that_leads_inside_is_refused(address: str) -> None:
    destinations = Destinations(ResolverBook({"hooks.example.com": [address]}))
    with pytest.raises(WebhookUrlNotAllowedError) as refused:
        await destinations.find("https://hooks.example.com/")
    assert refused.value.faults[0].message == "must lead to a host on the public internet"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0"],
)
async def test_no_way_to_write_this_machine_gets_past_the_system_s_own_look_up(host: str) -> None:
    resolver = SystemResolver()
    with pytest.raises((WebhookUrlNotAllowedError, HostNotFoundError)):
        await Destinations(resolver).find(f"https://{host}:8443/")
    resolver.close()


async def test_one_address_inside_among_public_ones_is_refused() -> None:
    book = ResolverBook({"hooks.example.com": ["93.184.215.14", "10.0.0.1"]})
    with pytest.raises(WebhookUrlNotAllowedError):
        await Destinations(book).find("https://hooks.example.com/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "https"),
        ("ftp://hooks.example.com/", "https"),
        ("file:///etc/passwd", "https"),
        ("gopher://hooks.example.com/", "https"),
        ("https://", "host"),
        ("https:hooks.example.com", "host"),
        ("hooks.example.com", "https"),
        ("https://owner:secret@hooks.example.com/", "user"),
        ("https://owner@hooks.example.com/", "user"),
        ("https://hooks.example.com/#there", "fragment"),
        ("https://hooks.example.com:25/", "port"),
        ("https://hooks.example.com:80/", "port"),
        ("https://hooks.example.com:0/", "port"),
        ("https://hooks.example.com:99999/", "port"),
        ("https://hooks.example.com:x/", "whole address"),
        ("https://hooks.example.com/\nx", "whole address"),
        ("https://exa mple.com/", "host"),
        ("https://hooks.example.com/" + "x" * 2_000, "characters"),
    ],
)
async def test_an_address_that_is_no_plain_https_address_is_refused(url: str, why: str) -> None:
    destinations = Destinations(ResolverBook({"hooks.example.com": ["93.184.215.14"]}))
    with pytest.raises(WebhookUrlNotAllowedError) as refused:
        await destinations.find(url)
    assert why in refused.value.faults[0].message


@pytest.mark.parametrize("port", ["", ":443", ":1024", ":8443", ":65535"])
async def test_a_public_host_is_found_once_and_pinned(port: str) -> None:
    book = ResolverBook({"hooks.example.com": ["93.184.215.14", "1.1.1.1"]})
    found = await Destinations(book).find(f"https://hooks.example.com{port}/there?x=1")
    assert found.addresses == ["93.184.215.14", "1.1.1.1"]
    assert book.asked == ["hooks.example.com"]


async def test_a_host_in_other_scripts_is_looked_up_as_the_dns_knows_it() -> None:
    book = ResolverBook({"xn--bcher-kva.example": ["93.184.215.14"]})
    await Destinations(book).find("https://Bücher.example/")
    assert book.asked == ["xn--bcher-kva.example"]


async def test_hosts_that_the_operator_named_may_be_inside_at_any_port() -> None:
    book = ResolverBook({"crm.internal": ["10.0.0.7"], "wiki.internal": ["10.0.0.8"]})
    destinations = Destinations(book, allowed_hosts=("CRM.internal",))
    assert (await destinations.find("https://crm.internal:99/")).addresses == ["10.0.0.7"]
    assert (await destinations.find("https://crm.internal./")).addresses == ["10.0.0.7"]
    for url in ("https://wiki.internal/", "https://x.crm.internal/", "http://crm.internal/"):
        with pytest.raises((WebhookUrlNotAllowedError, HostNotFoundError)):
            await destinations.find(url)


async def test_plain_http_is_for_development() -> None:
    destinations = Destinations(ResolverBook({"hooks.example.com": ["93.184.215.14"]}), allow_http=True)
    assert (await destinations.find("http://hooks.example.com:8080/")).addresses


async def test_a_host_that_is_nowhere_is_not_found() -> None:
    with pytest.raises(HostNotFoundError):
        await Destinations(ResolverBook({})).find("https://nothing.example/")
