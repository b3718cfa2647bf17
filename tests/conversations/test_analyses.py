"""What sums calls up once they are over: once each, whatever dies in between, and never in the way of a settlement."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api
from tests.support.lost_answers import lost_answers
from tests.support.metering import Office, exchange, open_office
from tests.support.serving import serving
from tests.support.vendors.faults import Fault
from tests.support.vendors.hosted import hosted_api
from tests.support.vendors.openai import KEY, OpenAi, refused, summed_up

from callgenie.calls.models import Admitted, AnsweredCall
from callgenie.conversations.analyses import ATTEMPTS_MAX, AnalysisParts, CallAnalyses, ModelAnalyses, Profiles
from callgenie.conversations.analysis_store import AnalysisStore, NewAnalysis
from callgenie.conversations.follow_up_plan import ANALYSIS, MODEL_ANALYSIS, FollowUpKinds, FollowUpPlan
from callgenie.conversations.follow_up_store import FollowUp, FollowUpStore, naming
from callgenie.conversations.follow_ups import FollowUpReport, FollowUps
from callgenie.conversations.models import AnalysisState, NewMessage
from callgenie.conversations.store import ConversationStore
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, PlanName, TurnRole
from callgenie.kernel.vocabulary import Fault as Blame
from callgenie.voice.analyst import CallAnalyst, Findings
from callgenie.voice.providers.openai_analyst import OpenAiAnalyst
from callgenie.voice.turn import Turn

Db = AsyncDatabase[dict[str, Any]]
TOLD = "told"
NOBODYS = Blame.NONE
MODEL = "openai/gpt-4.1-mini"
FAILURES: list[tuple[str, str]] = []
PLAN = FollowUpPlan(FollowUpKinds(held=(ANALYSIS,), analysed=(TOLD,)))
SUMMARY = 'A caller called and stayed for 9 s. Asked "When are you open?" (answered).'


@pytest.fixture(autouse=True)
def _no_failures() -> None:
    FAILURES.clear()


@pytest.fixture
def office(database: Db) -> Office:
    return open_office(database, follow_ups=PLAN)


@pytest.fixture
async def owner(office: Office) -> UserId:
    return await office.owner(PlanName.BASIC)


def parts_on(db: Db, profiles: Profiles, analysts: Mapping[str, CallAnalyst]) -> AnalysisParts:
    return AnalysisParts(ConversationStore(db), AnalysisStore(db), profiles, analysts, PLAN)


def worker_on(db: Db, profiles: Profiles, analysts: Mapping[str, CallAnalyst] = MappingProxyType({})) -> FollowUps:
    parts, store = parts_on(db, profiles, analysts), FollowUpStore(db)
    by_model = ModelAnalyses(parts, lambda provider, category: FAILURES.append((provider, category)))
    return FollowUps(store, {ANALYSIS: CallAnalyses(parts, store), MODEL_ANALYSIS: by_model}, SystemRandomness())


def another_of(follow_up: FollowUp, summary: str) -> NewAnalysis:
    call = follow_up.conversation
    return NewAnalysis(call.user_id, call.session_id, Findings(summary), AnalysisState.DONE, "rules", then=(TOLD,))


def worker(office: Office) -> FollowUps:
    return worker_on(office.db, office.customers.profiles)


async def held(office: Office, session_id: str = "CA1") -> AnsweredCall:
    """Hold a call of one question and end it."""
    call = await office.answered(session_id)
    await office.desk.save_turn(call, 1, Turn(TurnRole.USER, "When are you open?", 0, 900), 1)
    await office.desk.save_turn(call, 2, Turn(TurnRole.ASSISTANT, "From nine to five.", 1_000, 2_000), 2)
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=NOBODYS, elapsed_seconds=9)
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
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=NOBODYS, elapsed_seconds=9)
    await worker(office).work()
    analysis = (await office.conversation("CA1"))["analysis"]
    assert (analysis["callerName"], analysis["wish"]) == ("$Anna", "$call me back")


async def test_the_rest_of_a_call_is_summed_up_too(office: Office, owner: UserId) -> None:
    del owner
    await held(office)
    rest = await office.come_back("CA1")
    await office.desk.save_turn(rest, 1, Turn(TurnRole.USER, "When are you back?", 0, 900), 1)
    await office.desk.end(rest, reason=EndedReason.CALLER_HANGUP, fault=NOBODYS, elapsed_seconds=5)
    assert await worker(office).work() == FollowUpReport(done=2)
    found = await office.conversation(rest.session_id)
    assert (found["counted"], found["analysis"]["wish"]) == (False, "When are you back?")


async def test_a_rest_that_nobody_waited_for_is_not_summed_up(office: Office, owner: UserId) -> None:
    del owner
    await held(office)
    earlier = await office.calls.find_call_of_any_user(SessionId("CA1"))
    assert earlier is not None
    rest = await office.desk.come_back(earlier)
    assert isinstance(rest, Admitted)
    await office.desk.carrier_reported(rest.session_id, "completed")
    assert await worker(office).work() == FollowUpReport(done=1)
    assert "analysis" not in await office.conversation(rest.session_id)


async def test_a_call_that_nobody_answered_is_not_summed_up(office: Office, owner: UserId) -> None:
    office.customers.suspend(owner)
    await office.ring("CA1")
    assert await follows(office) == []
    # An older release named it all the same.
    await office.db.conversations.update_one({}, [{"$set": naming([ANALYSIS])}])
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
    (dead,) = await store.claim_of_any_user([ANALYSIS], "a worker that dies", timedelta(seconds=0))
    async with lost_answers(office.db, "update", times=3):
        await worker(office).work()
    first = await office.conversation("CA1")
    assert first["analysis"]["summary"] == SUMMARY
    # The first worker was not dead but slow, and goes on from where it was.
    assert await AnalysisStore(office.db).keep([another_of(dead, "another")]) == 0
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
    (claimed,) = await FollowUpStore(office.db).claim_of_any_user([ANALYSIS], "slow", timedelta(minutes=2))
    await office.conversations.delete(owner, SessionId("CA1"))
    assert await AnalysisStore(office.db).keep([another_of(claimed, "secret")]) == 0
    assert "analysis" not in await office.conversation("CA1")
    assert await follows(office) == []


# By a hosted model


class Vendor:
    """A hosted model that the owner has chosen, and a worker that asks it."""

    def __init__(self, office: Office, server: OpenAi, analyst: CallAnalyst) -> None:
        self._office = office
        self._analyst = analyst
        self.server = server
        self.parts = parts_on(office.db, office.customers.profiles, {MODEL: analyst})

    async def work(self) -> FollowUpReport:
        return await worker_on(self._office.db, self._office.customers.profiles, {MODEL: self._analyst}).work()

    async def work_until_nothing_is_left(self) -> int:
        """Work, passing over the pauses between; return how often."""
        for attempts in range(1, 2 * ATTEMPTS_MAX):
            await self.work()
            if not {ANALYSIS, MODEL_ANALYSIS} & set(await follows(self._office)):
                return attempts
            due = {
                "$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"dueAt": "$$NOW"}]}}
            }
            await self._office.db.conversations.update_many({}, [{"$set": {"followUps": due, "followUpAt": "$$NOW"}}])
        raise AssertionError


@pytest.fixture
async def vendor(office: Office, owner: UserId) -> AsyncIterator[Vendor]:
    office.customers.choose(owner, ai_model=MODEL, language="de")
    server = OpenAi(summed_up)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with serving(server.app) as url, hosted_api("openai", f"{url}/v1", headers) as api:
        yield Vendor(office, server, OpenAiAnalyst(api, "gpt-4.1-mini"))


async def analysis_of(office: Office) -> tuple[str, str, str]:
    analysis = (await office.conversation("CA1"))["analysis"]
    return analysis["state"], analysis["by"], analysis["summary"]


async def test_the_model_that_the_owner_chose_sums_a_call_up_in_the_owners_language(
    office: Office, vendor: Vendor
) -> None:
    await held(office)
    assert await vendor.work() == FollowUpReport(done=1)
    assert await analysis_of(office) == ("done", MODEL, "Talked about: When are you open?")
    (body,) = vendor.server.bodies
    assert "Caller: When are you open?\nAssistant: From nine to five." in body["messages"][1]["content"]
    assert "'de'" in body["messages"][0]["content"]
    assert await follows(office) == [TOLD]


async def test_what_an_owner_keeps_on_the_machine_is_shown_to_no_vendor(
    office: Office, owner: UserId, vendor: Vendor
) -> None:
    office.customers.choose(owner, ai_model="faq")
    await held(office)
    await vendor.work()
    assert await analysis_of(office) == ("done", "rules", SUMMARY)
    assert vendor.server.asked == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(garbage=b"<html>"),
        Fault(garbage=b'{"choices": [{"message": {"content": "I would rather not say."}}]}'),
        Fault(pieces=0),
        refused(429, None),
        refused(500, None),
    ],
    ids=["garbage", "no JSON", "cut off", "too many", "broken"],
)
async def test_a_failure_is_counted_and_the_model_asked_again(office: Office, vendor: Vendor, fault: Fault) -> None:
    await held(office)
    vendor.server.misfortune.add(fault)
    assert await vendor.work() == FollowUpReport(postponed=1)
    assert "analysis" not in await office.conversation("CA1")
    assert [provider for provider, _ in FAILURES] == ["openai"]
    assert await vendor.work_until_nothing_is_left() <= 2
    assert (await analysis_of(office))[:2] == ("done", MODEL)


async def test_a_failure_of_the_vendor_is_one_line_in_the_log(
    office: Office, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    await held(office)
    vendor.server.misfortune.add(refused(500, None))
    capsys.readouterr()
    await vendor.work()
    (line,) = (line for line in "".join(capsys.readouterr()).splitlines() if line)
    for word in ("follow_up.failed", "openai", "server_error", "CA1"):
        assert word in line


async def test_a_model_that_never_answers_sensibly_is_given_up_and_rules_take_over(
    office: Office, vendor: Vendor
) -> None:
    await held(office)
    vendor.server.misfortune.add(*[Fault(garbage=b"{}")] * 3 * ATTEMPTS_MAX)
    assert await vendor.work_until_nothing_is_left() == ATTEMPTS_MAX
    assert await analysis_of(office) == ("failed", "rules", SUMMARY)
    assert FAILURES == [("openai", "garbage")] * ATTEMPTS_MAX
    assert await follows(office) == [TOLD]


async def test_what_can_never_succeed_is_given_up_at_once(office: Office, vendor: Vendor) -> None:
    await held(office)
    vendor.server.misfortune.add(refused(429, "insufficient_quota"))
    assert await vendor.work() == FollowUpReport(done=1)
    assert await analysis_of(office) == ("failed", "rules", SUMMARY)


async def test_a_worker_that_dies_before_it_wrote_has_the_model_asked_again_and_after_it_not(
    office: Office, vendor: Vendor
) -> None:
    await held(office)
    store = FollowUpStore(office.db)
    assert await store.claim_of_any_user([ANALYSIS], "died before", timedelta(seconds=0))
    await vendor.work()
    assert len(vendor.server.bodies) == 1
    first = await analysis_of(office)
    await office.db.conversations.update_one({}, [{"$set": naming([ANALYSIS])}])
    assert await vendor.work() == FollowUpReport(done=1)
    assert len(vendor.server.bodies) == 1
    assert await analysis_of(office) == first


async def test_a_call_in_which_nobody_spoke_costs_nothing(office: Office, vendor: Vendor) -> None:
    call = await office.answered("CA1")
    await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=NOBODYS, elapsed_seconds=2)
    await vendor.work()
    assert (await analysis_of(office))[1] == "rules"
    assert vendor.server.asked == []


async def test_who_is_summed_up_by_rules_does_not_wait_for_models(
    office: Office, owner: UserId, vendor: Vendor
) -> None:
    plain = await office.owner(PlanName.BASIC, number="+14155550101")
    await held(office)
    await office.conversations.save_exchange(plain, exchange("s-1", status=CallStatus.COMPLETED, duration=30))
    # As in a running server, where models are asked by jobs of their own.
    store = FollowUpStore(office.db)
    rules = FollowUps(store, {ANALYSIS: CallAnalyses(vendor.parts, store)}, SystemRandomness())
    assert await rules.work() == FollowUpReport(done=1)
    assert (await office.conversation("s-1"))["analysis"]["by"] == "rules"
    assert await follows(office) == [MODEL_ANALYSIS]
    assert vendor.server.asked == []
    assert await vendor.work() == FollowUpReport(done=1)
    assert (await analysis_of(office))[:2] == ("done", MODEL)
    # Who meanwhile keeps everything on the machine gets what was passed on summed up by rules.
    await held(office, "CA2")
    await rules.work()
    office.customers.choose(owner, ai_model="faq")
    await vendor.work()
    assert (await office.conversation("CA2"))["analysis"]["by"] == "rules"


# Seen from outside


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
