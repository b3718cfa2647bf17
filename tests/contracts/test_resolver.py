"""What everything promises that finds addresses of hosts."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from tests.support.webhook_receiver import ResolverBook

from callgenie.webhooks.destinations import HostNotFoundError, Resolver, SystemResolver


@pytest.fixture(params=["system", "book"])
def resolver(request: pytest.FixtureRequest) -> Iterator[Resolver]:
    if request.param == "book":
        yield ResolverBook({"localhost": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]})
        return
    system = SystemResolver()
    yield system
    system.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_host_has_addresses_in_numbers(resolver: Resolver, host: str) -> None:
    found = await resolver.resolve(host, 443)
    assert found
    assert all(ip_address(address).is_loopback for address in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("host", ["nothing.invalid", "a" * 64 + ".invalid", "a..b"])
async def test_a_host_that_is_nowhere_is_not_found(resolver: Resolver, host: str) -> None:
    with pytest.raises(HostNotFoundError):
        await resolver.resolve(host, 443)
