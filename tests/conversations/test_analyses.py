"""What sums calls up once they are over: once each, whatever dies in between, and never in the way of a settlement."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api
from tests.support.lost_answers import lost_answers
from tests.support.metering import Office, exchange, open_office

from callgenie.calls.models import AnsweredCall
from callgenie.conversations.analyses import CallAnalyses, Profiles
from callgenie.conversations.analysis_store import AnalysisStore
from callgenie.conversations.follow_up_store import ANALYSIS, FollowUpKinds, FollowUpStore
from callgenie.conversations.follow_ups import FollowUpReport, FollowUps
from callgenie.conversations.models import AnalysisState, NewMessage
from callgenie.conversations.store import ConversationStore
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, PlanName, TurnRole
from callgenie.voice.analyst import Findings
from callgenie.voice.turn import Turn

Db = AsyncDatabase[dict[str, Any]]
TOLD = "told"
SUMMARY = 'A caller called and stayed for 9 s. Asked "When are you open?" (answered).'


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database, follow_ups=FollowUpKinds(ended=(ANALYSIS,)))


@pytest.fixture
async def owner(office: Office) -> UserId:
    return await office.owner(PlanName.BASIC)


def worker_on(db: Db, profiles: Profiles) -> FollowUps:
    analyses = CallAnalyses(
        ConversationStore(db),
        AnalysisStore(db),
        profiles,
        {},
        then=(TOLD,),
        on_failure=lambda _provider, _category: None,
    )
    return FollowUps(FollowUpStore(db), {ANALYSIS: analyses}, SystemRandomness())


def worker(office: Office) -> FollowUps:
    return worker_on(office.db, office.customers.profiles)


async def held(office: Office, session_id: str = "CA1") -> AnsweredCall:
    """Hold a call of one question and end it."""
    call = await office.answered(session_id)
    await office.desk.save_turn(call, 1, Turn(TurnRole.USER, "When are you open?", 0, 900), 1)
    await office.desk.save_turn(call, 2, Turn(TurnRole.ASSISTANT, "From nine to five.", 1_000, 2_000), 2)
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=9)
    return call


async def follows(office: Office, session_id: str = "CA1") -> list[str]:
    return [each["kind"] for each in (await office.conversation(session_id)).get("followUps", [])]


async def test_a_call_is_completed_at_once_and_summed_up_after_it(office: Office, owner: UserId) -> None:
    del owner
    call = await held(office)
    found = await office.conversation("CA1")
    assert (found["status"], found["billableSeconds"], "analysis" in found) == ("completed", 9, False)
    assert await worker(office).work() == FollowUpReport(done=1)
    found = await office.conversation("CA1")
    assert found["analysis"] | {"at": None} == {
        "state": "done",
        "summary": SUMMARY,
        "callerName": None,
        "wish": "When are you open?",
        "by": "rules",
        "at": None,
    }
    assert found["analysis"]["at"] >= call.answered_at
    assert await follows(office) == [TOLD]


async def test_a_message_is_part_of_it(office: Office, owner: UserId) -> None:
    del owner
    call = await office.answered("CA1")
    await office.desk.keep_message(call, NewMessage("$call me back", "$Anna"))
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=9)
    await worker(office).work()
    analysis = (await office.conversation("CA1"))["analysis"]
    assert (analysis["callerName"], analysis["wish"]) == ("$Anna", "$call me back")


async def test_a_call_that_nobody_answered_is_not_summed_up(office: Office, owner: UserId) -> None:
    office.customers.suspend(owner)
    await office.ring("CA1")
    assert await worker(office).work() == FollowUpReport(done=1)
    assert "analysis" not in await office.conversation("CA1")
    assert await follows(office) == []


async def test_a_call_that_was_held_elsewhere_is_summed_up_too(office: Office, owner: UserId) -> None:
    await office.conversations.save_exchange(owner, exchange("s-1", status=CallStatus.COMPLETED, duration=30))
    await worker(office).work()
    assert (await office.conversation("s-1"))["analysis"]["summary"].startswith("A caller called and stayed for 30 s.")


async def test_whoever_repeats_it_changes_nothing(office: Office, owner: UserId) -> None:
    del owner
    await held(office)
    store = FollowUpStore(office.db)
    dead = await store.claim_of_any_user([ANALYSIS], "a worker that dies", timedelta(seconds=0))
    assert dead is not None
    async with lost_answers(office.db, "update", times=3):
        await worker(office).work()
    first = await office.conversation("CA1")
    assert first["analysis"]["summary"] == SUMMARY
    # The first worker was not dead but slow, and goes on from where it was.
    kept = await AnalysisStore(office.db).keep(
        dead.conversation, Findings("another"), AnalysisState.DONE, "rules", then=(TOLD,)
    )
    assert not kept
    assert (await office.conversation("CA1"))["analysis"] == first["analysis"]


async def test_of_many_workers_one_sums_a_call_up(office: Office, owner: UserId) -> None:
    del owner
    for number in range(6):
        await held(office, f"CA{number}")
    reports = await asyncio.gather(*(worker(office).work() for _ in range(4)))
    assert sum(report.done for report in reports) == 6
    assert await office.db.conversations.count_documents({"analysis.state": "done"}) == 6


async def test_a_conversation_that_is_deleted_meanwhile_gets_no_words_back(office: Office, owner: UserId) -> None:
    await held(office)
    claimed = await FollowUpStore(office.db).claim_of_any_user([ANALYSIS], "slow", timedelta(minutes=2))
    assert claimed is not None
    await office.conversations.delete(owner, SessionId("CA1"))
    kept = await AnalysisStore(office.db).keep(
        claimed.conversation, Findings("secret"), AnalysisState.DONE, "rules", then=(TOLD,)
    )
    assert not kept
    assert "analysis" not in await office.conversation("CA1")
    assert await follows(office) == []


async def test_it_is_shown_with_the_conversation_and_its_summary_in_lists(api: Api, database: Db) -> None:
    token = (await api.register())["accessToken"]
    body = {
        "sessionId": "s-1",
        "phoneNumber": "+14155550999",
        "userMessage": "Do you deliver?",
        "aiResponse": "Yes.",
        "duration": 30,
        "status": "completed",
    }
    await api.call("POST", "/api/user/conversations", token=token, json=body)
    path = "/api/user/conversations"
    assert (await api.call("GET", f"{path}/s-1", token=token)).json()["analysis"] is None
    await worker_on(database, api.services.profiles).work()
    shown = (await api.call("GET", f"{path}/s-1", token=token)).json()["analysis"]
    assert shown | {"at": ""} == {
        "state": "done",
        "summary": 'A caller called and stayed for 30 s. Asked "Do you deliver?" (answered).',
        "callerName": None,
        "wish": "Do you deliver?",
        "by": "rules",
        "at": "",
    }
    (item,) = (await api.call("GET", path, token=token)).json()["data"]
    assert item["summary"] == shown["summary"]
    assert "analysis" not in item
    csv = (await api.call("GET", f"{path}/export", token=token)).text.splitlines()
    assert "summary" in csv[0].split(",")
    assert "Asked" in csv[1]
    lines = (await api.call("GET", f"{path}/export?format=jsonl", token=token)).text
    assert '"wish":"Do you deliver?"' in lines
