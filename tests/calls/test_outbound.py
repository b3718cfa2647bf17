"""Calls that we place: dialled at most once, told what they are about, and counted only when answered."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.support.metering import SECRET
from tests.support.placed_calls import CAKE, CUSTOMER, MORNING, WISH, calls_of, carried_out, outbound, recorded
from tests.support.switchboard import NUMBER, stream_of, switchboard, tone
from tests.support.twilio_api import Trouble
from tests.support.virtual_time import virtually

from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.ongoing import OngoingCalls
from callgenie.calls.outbound import RINGS_SECONDS, CallWish
from callgenie.calls.outbound_errors import (
    CallNotAdmittedError,
    CarrierRefusedCallError,
    CarrierUnavailableError,
    DoNotCallError,
    NoPhoneNumberError,
    NumberNotCallableError,
    OutboundNotSetUpError,
    OutsideCallingHoursError,
    ServerStoppingError,
)
from callgenie.conversations.ongoing_store import OngoingCallStore
from callgenie.conversations.settlement import Settlement
from callgenie.http.pages import CursorSigner
from callgenie.kernel.errors import DomainError
from callgenie.numbers.do_not_call import DoNotCallList
from callgenie.numbers.do_not_call_store import DoNotCallStore
from callgenie.profiles.models import OpenInterval
from callgenie.telephony.simulator.carrier import Callee
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, Listen, Pause, Play, rehearse
from callgenie.telephony.twilio.rest import TwilioApi
from callgenie.telephony.twilio.twiml import HangUp as HangUpVerb

# Answered


@virtually
async def test_somebody_is_called_from_the_owners_number_and_told_who_calls_and_why(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri, company="Harbour Bakery") as (board, twilio):
        placed = await calls_of(board).place(board.owner, WISH)
        report = await carried_out(board, twilio)
        conversation = await recorded(board)
        assert await board.comes_to_rest()
    order, sid = twilio.order()
    assert placed.is_new
    assert placed.is_certain
    assert (order.from_number, order.to_number) == (NUMBER, CUSTOMER)
    assert (conversation["sessionId"], conversation["leg"]) == (placed.conversation.session_id, sid)
    assert (conversation["direction"], conversation["phoneNumber"]) == ("outbound", CUSTOMER)
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "assistant-hangup")
    opening = conversation["turns"][0]["text"]
    assert opening == (
        "Hello, this is SAATHI, the automated assistant of Harbour Bakery. "
        "I am calling about your order of a birthday cake."
    )
    assert conversation["billableSeconds"] == conversation["duration"] > 0
    assert conversation["carrierStatus"] == "completed"
    assert report.ended_by is Ending.ASSISTANT
    assert set(report.status_answers) == {204}


@virtually
async def test_a_call_of_ours_outlives_its_socket_too(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        actions = (Listen(), Pause(4_000), Play(tone(800)), AwaitHangUp())
        report = await carried_out(board, twilio, actions=actions, faults=Faults(dies_after_ms=5_000))
        conversation = await recorded(board)
        assert await board.comes_to_rest()
    assert stream_of(report).streams == 2
    assert conversation["endedReason"] == "assistant-hangup"


@virtually
async def test_whoever_takes_over_a_call_of_ours_sees_the_owners_number(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        call = asyncio.create_task(carried_out(board, twilio))
        await asyncio.sleep(6)
        wish = {"to": "+14155550177", "status": "requested", "requestedAt": datetime.now(UTC)}
        await board.office.db.conversations.update_one({}, {"$set": {"transfer": wish}})
        report = await call
        conversation = await recorded(board)
    assert [(dial.number, dial.caller_id) for dial in report.dials] == [("+14155550177", NUMBER)]
    assert conversation["transfer"]["status"] == "completed"


# Not answered


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        ("busy", "abandoned", "callee-busy"),
        ("no-answer", "abandoned", "no-answer"),
        ("failed", "failed", "dial-failed"),
        ("canceled", "abandoned", "caller-hangup"),
    ],
)
def test_a_call_that_nobody_answers_is_recorded_and_not_counted(
    mongodb_uri: str, outcome: str, status: str, reason: str
) -> None:
    @virtually
    async def run() -> None:
        async with outbound(mongodb_uri) as (board, twilio):
            await calls_of(board).place(board.owner, WISH)
            await carried_out(board, twilio, outcome)
            conversation = await recorded(board)
            usage = await board.usage()
        assert (conversation["status"], conversation["endedReason"]) == (status, reason)
        assert conversation["carrierStatus"] == outcome
        assert (usage["calls"], usage["seconds"], usage["holds"]) == (0, 0, {})

    run()


@virtually
async def test_nobody_is_rung_longer_than_the_record_waits(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        await carried_out(board, twilio, rings_ms=(RINGS_SECONDS + 1) * 1_000)
        assert (await recorded(board))["endedReason"] == "no-answer"


# At most once


@virtually
async def test_the_same_wish_at_once_and_later_dials_once(mongodb_uri: str) -> None:
    wish = CallWish(CUSTOMER, CAKE, "key-1")
    async with outbound(mongodb_uri) as (board, twilio):
        placed = await asyncio.gather(*(calls_of(board).place(board.owner, wish) for _ in range(5)))
        assert [call.is_new for call in placed].count(True) == 1
        await carried_out(board, twilio)
        again = await calls_of(board).place(board.owner, wish)
        assert len(twilio.forms) == 1
    assert {call.conversation.session_id for call in placed} == {again.conversation.session_id}
    assert (again.is_new, again.conversation.status) == (False, "completed")


@virtually
async def test_a_call_whose_order_was_taken_and_not_answered_goes_on_as_the_same_call(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        twilio.troubles.append(Trouble(500, done=True))
        placed = await calls_of(board).place(board.owner, WISH)
        assert not placed.is_certain
        assert "leg" not in await recorded(board)
        await carried_out(board, twilio)
        conversation = await recorded(board)
        assert len(twilio.forms) == 1
        assert await board.comes_to_rest()
    assert conversation["leg"] == list(twilio.calls)[-1]
    assert (conversation["status"], conversation["counted"]) == ("completed", True)


@virtually
async def test_a_call_of_which_nothing_is_ever_heard_ends_by_itself_and_cannot_be_answered_later(
    mongodb_uri: str,
) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        twilio.troubles.append(Trouble(502, done=True))
        await calls_of(board).place(board.owner, WISH)
        await board.office.let_all_leases_run_out()
        await board.office.sweeper.sweep()
        assert (await recorded(board))["endedReason"] == "lease-expired"
        assert await board.comes_to_rest()
        report = await carried_out(board, twilio)
        assert report.verbs == (HangUpVerb(),)
        assert await board.comes_to_rest()


@virtually
async def test_a_carrier_that_dials_twice_gets_one_conversation(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio), asyncio.TaskGroup() as group:
        await calls_of(board).place(board.owner, WISH)
        first = group.create_task(carried_out(board, twilio))
        await asyncio.sleep(1)
        second = await carried_out(board, twilio, call_sid="CA" + "9" * 32, rings_ms=0)
        assert second.verbs == (HangUpVerb(),)
        # The first one rings on, whatever is said of the second.
        assert (await recorded(board))["status"] == "ringing"
        assert stream_of(await first).ended_by is Ending.ASSISTANT
        assert (await recorded(board))["endedReason"] == "assistant-hangup"
        assert await board.comes_to_rest()


# Not placed


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (
            Trouble(400, {"code": 21215, "message": "Account not authorized to call +14155550142."}),
            CarrierRefusedCallError,
        ),
        (Trouble(401, {"code": 20003, "message": "Authenticate"}), CarrierUnavailableError),
    ],
)
def test_an_order_that_the_carrier_does_not_take_is_recorded_and_holds_nothing(
    mongodb_uri: str, trouble: Trouble, error: type[DomainError]
) -> None:
    @virtually
    async def run() -> None:
        async with outbound(mongodb_uri) as (board, twilio):
            twilio.troubles.append(trouble)
            with pytest.raises(error):
                await calls_of(board).place(board.owner, WISH)
            conversation = await recorded(board)
            assert await board.comes_to_rest()
        assert (conversation["status"], conversation["endedReason"]) == ("failed", "dial-failed")

    run()


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (NUMBER, NumberNotCallableError),
        ("+19005550123", NumberNotCallableError),
        ("+1415555", NumberNotCallableError),
        ("+14155550143", DoNotCallError),
        # Five in the morning in Tokyo.
        ("+81312345678", OutsideCallingHoursError),
    ],
)
def test_who_must_not_be_called_is_not(mongodb_uri: str, number: str, error: type[DomainError]) -> None:
    @virtually
    async def run() -> None:
        async with outbound(mongodb_uri, now=MORNING.replace(hour=20)) as (board, twilio):
            listed = DoNotCallList(DoNotCallStore(board.office.db), CursorSigner(SECRET))
            await listed.add(board.owner, "+14155550143")
            before = await board.everything()
            with pytest.raises(error):
                await calls_of(board).place(board.owner, CallWish(number, CAKE))
            assert await board.everything() == before
            assert twilio.forms == []

    run()


@virtually
async def test_a_number_that_does_not_say_where_it_rings_goes_by_the_owners_clock(mongodb_uri: str) -> None:
    toll_free = CallWish("+18005551212", CAKE)
    async with outbound(mongodb_uri, timezone="Asia/Tokyo") as (board, _):
        with pytest.raises(OutsideCallingHoursError, match="2026-05-04T23:00Z"):
            await calls_of(board).place(board.owner, toll_free)
        board.office.customers.change_business(board.owner, calling_hours=OpenInterval(0, 24 * 60))
        assert (await calls_of(board).place(board.owner, toll_free)).is_certain


@virtually
async def test_a_plan_that_is_used_up_places_no_call_and_says_so(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await board.use_up(all_but_seconds=0)
        with pytest.raises(CallNotAdmittedError, match="minutes are used up"):
            await calls_of(board).place(board.owner, WISH)
        conversation = await recorded(board)
    assert twilio.forms == []
    assert (conversation["status"], conversation["endedReason"]) == ("rejected", "usage-limit")


@virtually
async def test_a_call_of_ours_takes_one_of_the_lines(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        with pytest.raises(CallNotAdmittedError, match="as the plan allows"):
            await calls_of(board).place(board.owner, CallWish("+14155550144", CAKE))
        assert "busy" in (await board.dial(session_id="CA1")).announcement
        assert len(twilio.forms) == 1


@virtually
async def test_without_a_number_or_a_carrier_nobody_is_called(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, _):
        await board.office.numbers.release(board.owner)
        with pytest.raises(NoPhoneNumberError):
            await calls_of(board).place(board.owner, WISH)
    async with switchboard(mongodb_uri, now=MORNING) as board:
        with pytest.raises(OutboundNotSetUpError, match="TWILIO_ACCOUNT_SID"):
            await calls_of(board).place(board.owner, WISH)


@virtually
async def test_a_server_that_stops_calls_nobody_and_hangs_up_on_whoever_answers(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        await board.live.drain(0)
        with pytest.raises(ServerStoppingError):
            await calls_of(board).place(board.owner, CallWish("+14155550144", CAKE))
        report = await carried_out(board, twilio)
        assert report.verbs == (HangUpVerb(),)
        assert (await recorded(board))["status"] == "abandoned"
        assert len(twilio.forms) == 1
        assert await board.comes_to_rest()


# Hung up by the owner


@virtually
async def test_an_owner_who_hangs_up_stops_the_ringing(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        office, api = board.office, TwilioApi(twilio.account)
        ongoing = OngoingCalls(
            ongoing=OngoingCallStore(office.db),
            calls=office.calls,
            settlement=Settlement(office.ledger, office.calls),
            live=board.live,
            legs=CarrierLegs(api),
            cursors=CursorSigner(SECRET),
        )
        placed = await calls_of(board).place(board.owner, WISH)
        order = twilio.order()
        assert await ongoing.hang_up(board.owner, placed.conversation.session_id)
        assert twilio.calls[order[1]]["status"] == "completed"
        # Whoever answers in this very moment hears the line go dead.
        report = await board.carrier.place(order[0], order[1], Callee(steps=await rehearse([HangUp()])))
        assert report.verbs == (HangUpVerb(),)
        assert (await recorded(board))["status"] == "rejected"
        assert await board.comes_to_rest()
        await api.close()
