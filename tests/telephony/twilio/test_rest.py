"""The REST client against a small Twilio, which Twilio's own library is asked to judge first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.twilio_api import ACCOUNT_SID, API_KEY, API_SECRET, Trouble, TwilioServer, twilio_server
from tests.support.virtual_time import virtually
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from callgenie.telephony.twilio.rest import BASE_URL, ApiFailure, OutgoingCall, TwilioApi, TwilioApiError

CALL = OutgoingCall(
    to_number="+14155550123",
    from_number="+14155550100",
    url="https://calls.example.com/voice?session=1",
    status_callback="https://calls.example.com/status?session=1",
    ring_seconds=40,
)


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[TwilioServer, TwilioApi]]:
    async with twilio_server() as server:
        api = TwilioApi(server.account)
        try:
            yield server, api
        finally:
            await api.close()


# The server


class Redirected(TwilioHttpClient):  # type: ignore[misc] # it has no types
    """Twilio's own client, led to a server of ours."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, self.url + url.removeprefix(BASE_URL), *args, **kwargs)


async def test_twilios_own_library_takes_the_server_for_twilio() -> None:
    def judge() -> None:
        client = Client(API_KEY, API_SECRET, ACCOUNT_SID, http_client=Redirected(server.url))
        call = client.calls.create(to="+14155550123", from_="+14155550100", url="https://example.com/voice")
        assert (call.status, call.direction) == ("queued", "outbound-api")
        assert client.calls(str(call.sid)).update(status="completed").status == "completed"
        for sid, code in ((str(call.sid), 21220), ("CA404", 20404)):
            with pytest.raises(TwilioRestException) as refused:
                client.calls(sid).update(status="completed")
            assert refused.value.code == code
        with pytest.raises(TwilioRestException) as refused:
            Client("AC1", "wrong", ACCOUNT_SID, http_client=Redirected(server.url)).calls.create(to="+1", from_="+1")
        assert (refused.value.status, refused.value.code) == (401, 20003)

    async with twilio_server() as server:
        await asyncio.to_thread(judge)


# Placing calls


@virtually
async def test_a_call_is_placed_as_twilios_own_library_would() -> None:
    async with asking() as (server, api):
        sid = await api.place_call(CALL)
        ours = server.forms.pop()
    assert server.calls[sid]["to"] == "+14155550123"
    assert ours == {
        "To": ["+14155550123"],
        "From": ["+14155550100"],
        "Url": ["https://calls.example.com/voice?session=1"],
        "StatusCallback": ["https://calls.example.com/status?session=1"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["40"],
    }


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("status", [0, 500, 502, 302])
def test_a_call_that_may_have_been_placed_is_not_placed_again(status: int, done: bool) -> None:  # noqa: FBT001 - a case
    @virtually
    async def run() -> None:
        async with asking() as (server, api):
            server.troubles.append(Trouble(status, done=done))
            with pytest.raises(TwilioApiError) as failed:
                await api.place_call(CALL)
            assert failed.value.may_have_happened
            assert len(server.forms) == 1

    run()


@virtually
async def test_an_answer_that_names_no_call_leaves_it_open_whether_there_is_one() -> None:
    async with asking() as (server, api):
        server.troubles.append(Trouble(201, {"sid": None}))
        with pytest.raises(TwilioApiError) as failed:
            await api.place_call(CALL)
    assert failed.value.may_have_happened


@virtually
async def test_a_call_that_was_surely_not_placed_is_tried_again() -> None:
    async with asking() as (server, api):
        server.troubles += [Trouble(429, {"code": 20429}), Trouble(429)]
        assert await api.place_call(CALL) in server.calls
        assert len(server.forms) == 3
        server.troubles += [Trouble(429)] * 3
        with pytest.raises(TwilioApiError) as failed:
            await api.place_call(CALL)
    assert failed.value.failure is ApiFailure.TOO_MANY
    assert not failed.value.may_have_happened


@virtually
async def test_a_refusal_is_final_and_says_why() -> None:
    async with asking() as (server, api):
        server.troubles.append(Trouble(400, {"code": 21211, "message": "The 'To' number is not valid."}))
        with pytest.raises(TwilioApiError, match="not valid") as failed:
            await api.place_call(CALL)
        assert len(server.forms) == 1
    assert (failed.value.failure, failed.value.code) == (ApiFailure.REFUSED, 21211)


@virtually
async def test_wrong_credentials_are_an_operators_business() -> None:
    async with twilio_server() as server:
        api = TwilioApi(replace(server.account, password=SecretStr("wrong")))
        with pytest.raises(TwilioApiError) as failed:
            await api.place_call(CALL)
        await api.close()
    assert failed.value.failure is ApiFailure.CREDENTIALS
    assert "wrong" not in str(failed.value)


@virtually
async def test_with_twilio_out_of_reach_nothing_was_done() -> None:
    async with twilio_server() as server:
        account = server.account
    api = TwilioApi(account)
    with pytest.raises(TwilioApiError) as failed:
        await api.place_call(CALL)
    await api.close()
    assert failed.value.failure is ApiFailure.UNREACHABLE
    assert not failed.value.may_have_happened


# Ending them


@virtually
async def test_a_call_is_ended_once_however_often_it_is_asked_for() -> None:
    async with asking() as (server, api):
        sid = await api.place_call(CALL)
        assert await api.hang_up(sid)
        assert server.calls[sid]["status"] == "completed"
        assert not await api.hang_up(sid)
        assert not await api.hang_up("CA404")


@pytest.mark.parametrize("trouble", [Trouble(0), Trouble(500), Trouble(503, done=True), Trouble(429)])
def test_hanging_up_is_tried_again(trouble: Trouble) -> None:
    @virtually
    async def run() -> None:
        async with asking() as (server, api):
            sid = await api.place_call(CALL)
            server.troubles += [trouble, trouble]
            await api.hang_up(sid)
            assert server.calls[sid]["status"] == "completed"
            server.troubles += [Trouble(500)] * 3
            with pytest.raises(TwilioApiError):
                await api.hang_up(sid)

    run()
