from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.webhook_receiver import Receiver, ResolverBook, receiving

from callgenie.kernel.clock import SystemClock
from callgenie.webhooks.destinations import Destinations, SystemResolver
from callgenie.webhooks.posting import EXCERPT_CHARS_MAX, Answer, CertificateFileError, Poster, trust

HOST = "hooks.example.com"
HERE = ("127.0.0.1",)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def system() -> Iterator[SystemResolver]:
    resolver = SystemResolver()
    yield resolver
    resolver.close()


def poster(
    authority: Authority | None,
    addresses: Sequence[str] = HERE,
    *,
    allowed: Sequence[str] = (HOST,),
    seconds: float = 15,
    allow_http: bool = False,
) -> Poster:
    book = ResolverBook({HOST: addresses, "other.example.com": HERE, "127.0.0.1": HERE})
    destinations = Destinations(book, allowed_hosts=allowed, allow_http=allow_http)
    tls = trust(None if authority is None else authority.file)
    return Poster(destinations, tls, SystemClock(), timeout_seconds=seconds)


async def post(through: Poster, receiver: Receiver, *, scheme: str = "https", host: str = HOST) -> Answer:
    answer = await through.post(f"{scheme}://{host}:{receiver.port}/in?x=1", {"webhook-id": "evt_1"}, b'{"a": 1}')
    await through.close()
    return answer


async def test_a_post_arrives_at_the_address_that_was_found_under_the_host_s_name(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST)) as receiver:
        answer = await post(poster(authority), receiver)
    assert (answer.status, answer.excerpt, answer.error, answer.is_taken) == (200, "ok", None, True)
    (received,) = receiver.received
    assert (received.target, received.body) == ("/in?x=1", b'{"a": 1}')
    assert received.headers["host"] == f"{HOST}:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == "evt_1"
    assert received.headers["user-agent"].startswith("CallGenie/")
    assert received.headers["accept-encoding"] == "identity"


async def test_a_certificate_for_another_host_is_refused_although_the_address_is_the_same(authority: Authority) -> None:
    async with receiving(tls=authority.server("other.example.com")) as receiver:
        answer = await post(poster(authority), receiver)
    assert (answer.status, answer.error) == (None, "tls_failed")
    assert receiver.received == []


async def test_a_connection_to_one_host_carries_nothing_for_another_at_the_same_address(authority: Authority) -> None:
    through = poster(authority, allowed=(HOST, "other.example.com"))
    async with receiving(tls=authority.server(HOST)) as receiver:
        assert (await through.post(f"https://{HOST}:{receiver.port}/", {}, b"{}")).status == 200
        assert (await post(through, receiver, host="other.example.com")).error == "tls_failed"
    assert len(receiver.received) == 1


async def test_a_cookie_is_not_brought_to_another_host_at_the_same_address() -> None:
    through = poster(None, allowed=(HOST, "other.example.com"), allow_http=True)
    async with receiving(Receiver(headers="set-cookie: who=first; Max-Age=600\r\n")) as receiver:
        assert (await through.post(f"http://{HOST}:{receiver.port}/", {}, b"{}")).status == 200
        assert (await post(through, receiver, scheme="http", host="other.example.com")).status == 200
    assert ["cookie" in each.headers for each in receiver.received] == [False, False]


async def test_a_certificate_for_the_address_alone_is_refused(authority: Authority) -> None:
    async with receiving(tls=authority.server("127.0.0.1")) as receiver:
        assert (await post(poster(authority), receiver)).error == "tls_failed"


async def test_an_address_in_numbers_needs_a_certificate_for_it(authority: Authority) -> None:
    async with receiving(tls=authority.server("127.0.0.1")) as receiver:
        through = poster(authority, allowed=("127.0.0.1",))
        assert (await post(through, receiver, host="127.0.0.1")).status == 200


async def test_an_authority_that_nobody_named_is_refused(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST)) as receiver:
        assert (await post(poster(None), receiver)).error == "tls_failed"


async def test_a_certificate_that_ran_out_is_refused(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST, expired=True)) as receiver:
        assert (await post(poster(authority), receiver)).error == "tls_failed"


async def test_a_host_that_leads_inside_by_the_time_of_the_post_gets_nothing(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST)) as receiver:
        answer = await post(poster(authority, allowed=()), receiver)
    assert (answer.status, answer.error) == (None, "address_not_allowed")
    assert receiver.open_most == 0


async def test_a_host_is_looked_up_once_for_the_judgement_and_the_connection(authority: Authority) -> None:
    book = ResolverBook({HOST: HERE})
    through = Poster(Destinations(book, allowed_hosts=(HOST,)), trust(authority.file), SystemClock())
    async with receiving(tls=authority.server(HOST)) as receiver:
        assert (await post(through, receiver)).status == 200
    assert book.asked == [HOST]


async def test_the_system_s_own_look_up_leads_there_too(authority: Authority, system: SystemResolver) -> None:
    through = Poster(Destinations(system, allowed_hosts=("localhost",)), trust(authority.file), SystemClock())
    async with receiving(tls=authority.server("localhost")) as receiver:
        assert (await post(through, receiver, host="localhost")).status == 200


async def test_a_host_whose_first_address_does_not_answer_is_tried_at_the_next(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST)) as receiver:
        assert (await post(poster(authority, ("::1", "127.0.0.1")), receiver)).status == 200


async def test_a_redirect_is_an_answer_and_is_not_followed(authority: Authority) -> None:
    async with receiving(tls=authority.server(HOST)) as receiver:
        receiver.status, receiver.headers = 302, f"location: https://{HOST}:{receiver.port}/elsewhere\r\n"
        answer = await post(poster(authority), receiver)
    assert (answer.status, answer.is_taken, len(receiver.received)) == (302, False, 1)


async def test_a_receiver_that_says_nothing_is_left(authority: Authority) -> None:
    async with receiving(Receiver(hangs=True), tls=authority.server(HOST)) as receiver:
        answer = await post(poster(authority, seconds=0.3), receiver)
    assert (answer.status, answer.error) == (None, "timed_out")


async def test_of_an_endless_answer_little_is_read(authority: Authority) -> None:
    async with receiving(Receiver(endless=True, answer=b""), tls=authority.server(HOST)) as receiver:
        answer = await post(poster(authority), receiver)
    assert (answer.status, answer.excerpt) == (200, "x" * EXCERPT_CHARS_MAX)


async def test_what_is_kept_of_an_answer_has_nothing_in_it_that_a_terminal_would_obey(authority: Authority) -> None:
    async with receiving(
        Receiver(answer="a\r\n\x1b[2Jé\0\u202e".encode() + b"\xff"), tls=authority.server(HOST)
    ) as receiver:
        answer = await post(poster(authority), receiver)
    assert answer.excerpt == "a   [2Jé  \ufffd"


async def test_a_receiver_that_hangs_up_or_is_away_is_told_apart(authority: Authority) -> None:
    async with receiving(Receiver(drops=True), tls=authority.server(HOST)) as receiver:
        assert (await post(poster(authority), receiver)).error == "no_http_answer"
    assert (await post(poster(authority), receiver)).error == "connection_failed"
    assert (await post(poster(authority, ()), receiver)).error == "host_not_found"


async def test_plain_http_is_sent_where_it_is_allowed(authority: Authority) -> None:
    async with receiving() as receiver:
        assert (await post(poster(authority, allow_http=True), receiver, scheme="http")).status == 200
        assert (await post(poster(authority), receiver, scheme="http")).error == "address_not_allowed"
    assert len(receiver.received) == 1


def test_a_file_without_certificates_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(CertificateFileError, match="WEBHOOK_CA_FILE"):
        trust(tmp_path / "empty.pem")
