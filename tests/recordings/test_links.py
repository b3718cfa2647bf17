"""Links to recordings: who has one hears it, for a while, and nothing else."""

from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.support.accounts import MovableClock

from callgenie.kernel.ids import SessionId, UserId
from callgenie.recordings.errors import RecordingLinkInvalidError
from callgenie.recordings.links import RecordingLinks

USER, OTHER = UserId("a" * 24), UserId("b" * 24)
CALL = SessionId("CA/1 ü?&#")


def links(clock: MovableClock, secret: bytes = b"secret") -> RecordingLinks:
    return RecordingLinks(secret, clock, origin="https://calls.example.com", lifetime=timedelta(minutes=15))


def parts(link: str) -> tuple[UserId, SessionId, int, str]:
    split = urlsplit(link)
    assert f"{split.scheme}://{split.netloc}" == "https://calls.example.com"
    _, api, room, user, call = split.path.split("/")
    assert (api, room) == ("api", "recordings")
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    return UserId(user), SessionId(unquote(call)), int(query["expires"]), query["signature"]


def test_a_link_works_until_its_time_is_over() -> None:
    clock = MovableClock()
    user, call, expires, signature = parts(links(clock).link_to(USER, CALL))
    assert (user, call) == (USER, CALL)
    links(clock).check(user, call, expires=expires, signature=signature)
    clock.move(minutes=14, seconds=59)
    links(clock).check(user, call, expires=expires, signature=signature)
    clock.move(seconds=1)
    with pytest.raises(RecordingLinkInvalidError):
        links(clock).check(user, call, expires=expires, signature=signature)


@pytest.mark.parametrize(
    ("user", "call", "later", "signature"),
    [
        (OTHER, CALL, 0, None),
        (USER, SessionId("CA2"), 0, None),
        (USER, CALL, 1, None),
        (USER, CALL, 0, ""),
        (USER, CALL, 0, "x" * 43),
        (USER, CALL, 0, "\ud800"),
    ],
)
def test_a_link_cannot_be_turned_into_another(user: UserId, call: SessionId, later: int, signature: str | None) -> None:
    clock = MovableClock()
    _, _, expires, right = parts(links(clock).link_to(USER, CALL))
    with pytest.raises(RecordingLinkInvalidError):
        links(clock).check(user, call, expires=expires + later, signature=right if signature is None else signature)


def test_a_link_of_another_installation_does_not_work() -> None:
    clock = MovableClock()
    user, call, expires, signature = parts(links(clock, b"another secret").link_to(USER, CALL))
    with pytest.raises(RecordingLinkInvalidError):
        links(clock).check(user, call, expires=expires, signature=signature)
