"""`POST /api/user/assistant/ask`: an owner tries their assistant by text; nothing is counted, and little is stored."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId
from tests.support.accounts import assert_problem
from tests.support.lost_answers import lost_answers
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.calls.ask.store import StoredConversation, TextConversationStore
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.mongo.client import Database
from callgenie.mongo.dump import dump
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.wiring.services import Services

PATH = "/api/user/assistant/ask"
KEYS = {"reply", "outcome", "entry", "confidence", "conversationId"}


class Attendant:
    """A model that takes messages, puts callers through, and tells how much it was told before."""

    def __init__(self) -> None:
        self.knew: list[Knowledge] = []
        self.asked_at_once = 0
        self.busiest = 0
        self.two_ask = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def prepare(self, knowledge: Knowledge) -> None:
        pass

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        self.knew.append(knowledge)
        self.asked_at_once += 1
        self.busiest = max(self.busiest, self.asked_at_once)
        if self.asked_at_once > 1:
            self.two_ask.set()
        try:
            await self.goes_on.wait()
        finally:
            self.asked_at_once -= 1
        last = messages[-1]
        if last.role is TurnRole.TOOL:
            yield TextDelta(last.text)
        elif "message" in last.text:
            yield ToolCall("take_message", {"text": last.text, "a.b": {"$gt": 1}}, "m1")
        elif "person" in last.text:
            yield ToolCall("transfer_call")
        elif "open" in last.text:
            yield ToolCall("business_hours", {"when": "monday"})
        else:
            yield AnswerOutcome(Outcome.ANSWERED, 1, 0.87654)
            yield TextDelta(f"I heard {sum(each.role is TurnRole.USER for each in messages)} of your sentences.")


@pytest.fixture
def attendant() -> Attendant:
    return Attendant()


@pytest.fixture
async def app(connected: Database, attendant: Attendant) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, model=attendant) as served:
        yield served


async def ask(app: WholeApi, token: str, text: str = "Is there parking?", **body: Any) -> dict[str, Any]:
    answer = await app.call("POST", PATH, token=token, json={"text": text, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    shown: dict[str, Any] = answer.json()
    assert set(shown) == KEYS
    return shown


async def token_of(app: WholeApi, email: str = "owner@example.com") -> str:
    return str((await app.register(email))["accessToken"])


async def test_an_answer_says_what_it_is_and_which_entry_it_tells(app: WholeApi) -> None:
    shown = await ask(app, await token_of(app))
    assert (shown["reply"], shown["outcome"], shown["entry"], shown["confidence"]) == (
        "I heard 1 of your sentences.",
        "answered",
        1,
        0.877,
    )


async def test_it_answers_from_the_asker_s_own_business_with_a_call_s_tools(
    app: WholeApi, attendant: Attendant
) -> None:
    token, other = await token_of(app), await token_of(app, "other@example.com")
    business = {
        "company": "Harbour Bakery",
        "faq": [{"question": "Do you deliver?", "answer": "We do."}],
        "hours": {"mon": [{"open": "09:00", "close": "17:00"}]},
        "transferNumber": "+14155550123",
    }
    await app.call("PATCH", "/api/user/profile", token=token, json={"business": business})
    hours = await ask(app, token, "Are you open?")
    assert "9 AM to 5 PM" in hours["reply"]
    assert (hours["outcome"], hours["entry"], hours["confidence"]) == ("hours", None, 1.0)
    assert (await ask(app, token, "A person, please."))["outcome"] == "person"
    await ask(app, other)
    first, last = attendant.knew[0], attendant.knew[-1]
    assert (first.company, first.questions[0].answer) == ("Harbour Bakery", "We do.")
    assert {tool.name for tool in first.tools} == {"end_call", "take_message", "business_hours", "transfer_call"}
    assert (last.company, {tool.name for tool in last.tools}) == ("", {"end_call", "take_message"})


async def test_a_conversation_goes_on_in_whichever_process_and_nobody_else_joins_it(
    app: WholeApi, connected: Database
) -> None:
    token, other = await token_of(app), await token_of(app, "other@example.com")
    first = await ask(app, token)
    async with serving_everything(connected, model=Attendant()) as elsewhere:
        second = await ask(elsewhere, token, conversationId=first["conversationId"])
    assert second["conversationId"] == first["conversationId"]
    assert second["reply"] == "I heard 2 of your sentences."
    assert (await ask(app, token, conversationId=first["conversationId"]))["reply"] == "I heard 3 of your sentences."
    fresh = await ask(app, token)
    assert fresh["conversationId"] != first["conversationId"]
    assert fresh["reply"] == "I heard 1 of your sentences."
    for whose, conversation_id in ((other, first["conversationId"]), (token, "f" * 24), (token, "x")):
        body = {"text": "Hello?", "conversationId": conversation_id}
        refused = await app.call("POST", PATH, token=whose, json=body)
        assert_problem(refused, 404, "text_conversation_not_found")


async def test_nothing_is_counted_kept_or_sent(app: WholeApi) -> None:
    token = await token_of(app)
    before = (await app.call("GET", "/api/user/usage", token=token)).json()
    taken = await ask(app, token, "Here is my message: $call me. Goodbye.")
    assert (taken["outcome"], taken["reply"]) == ("message", "Thank you, I will pass that on.")
    # What the model had asked for comes back to it, whatever its arguments are called.
    assert (await ask(app, token, conversationId=taken["conversationId"]))["reply"] == "I heard 2 of your sentences."
    await ask(app, token, "What is the price of gold?")
    await app.whole.follow_ups.work()
    assert (await app.call("GET", "/api/user/usage", token=token)).json() == before
    for collection in ("conversations", "usage", "unansweredquestions", "webhookdeliveries"):
        assert await app.db[collection].count_documents({}) == 0, collection
    assert await app.db["outbox"].distinct("kind") == ["verify"]


async def test_what_was_said_is_gone_within_the_hour_and_counts_as_gone_before(app: WholeApi) -> None:
    token = await token_of(app)
    first = await ask(app, token)
    stored = await app.db["textconversations"].find_one({})
    assert stored is not None
    # The database removes what has expired once a minute.
    assert timedelta(0) < stored["expiresAt"] - stored["createdAt"] <= timedelta(minutes=58)
    await ask(app, token, conversationId=first["conversationId"])
    assert (await app.db["textconversations"].find_one({}) or {})["expiresAt"] == stored["expiresAt"]
    ttl = [each async for each in await app.db["textconversations"].list_indexes() if "expireAfterSeconds" in each]
    assert [(dict(each["key"]), each["expireAfterSeconds"]) for each in ttl] == [({"expiresAt": 1}, 0)]
    past = datetime.now(UTC) - timedelta(seconds=1)
    await app.db["textconversations"].update_one({}, {"$set": {"expiresAt": past}})
    body = {"text": "Hello?", "conversationId": first["conversationId"]}
    refused = await app.call("POST", PATH, token=token, json=body)
    assert_problem(refused, 404, "text_conversation_not_found")


async def test_an_answer_to_a_repeated_request_is_kept_no_longer_than_the_conversation(app: WholeApi) -> None:
    token = await token_of(app)
    options: dict[str, Any] = {"token": token, "json": {"text": "Hello?"}, "headers": {"Idempotency-Key": "k"}}
    first = await app.call("POST", PATH, **options)
    again = await app.call("POST", PATH, **options)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    kept = await app.db["idempotency"].find_one({})
    assert kept is not None
    assert timedelta(0) < kept["expiresAt"] - kept["createdAt"] <= timedelta(minutes=58)
    usual = {"name": "engine", "scopes": ["assistant:ask"]}
    await app.call("POST", "/api/user/api-keys", token=token, json=usual, headers={"Idempotency-Key": "k"})
    spans = [each["expiresAt"] - each["createdAt"] async for each in app.db["idempotency"].find({})]
    assert max(spans) == timedelta(hours=24)


async def test_a_backup_has_nothing_of_it(app: WholeApi, connected: Database, tmp_path: Path) -> None:
    class Silent:
        def begin(self, name: str, total: int) -> None: ...

        def advance(self, count: int) -> None: ...

    await ask(app, await token_of(app))
    report = await dump(connected, tmp_path / "backup", compress=False, meter=Silent())
    assert (report.documents["users"], report.documents["textconversations"]) == (1, 0)
    (saved,) = (tmp_path / "backup").rglob("textconversations.bson")
    assert saved.read_bytes() == b""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 1_001}, "text"),
        ({"text": ["Hello?"]}, "text"),
        ({"text": "Hello?\0"}, "text"),
        ({"text": "Hello?", "conversationId": "x" * 101}, "conversationId"),
        ({"text": "Hello?", "conversationId": {"$gt": ""}}, "conversationId"),
        ({"text": "Hello?", "now": "2026-01-01T00:00:00Z"}, "now"),
    ],
)
async def test_a_body_that_cannot_be_is_refused(app: WholeApi, body: dict[str, Any], field: str) -> None:
    token = await token_of(app)
    problem = assert_problem(await app.call("POST", PATH, token=token, json=body), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_a_machine_needs_a_key_of_the_scope(app: WholeApi) -> None:
    token = await token_of(app)
    keys = []
    for scope in ("assistant:ask", "conversations:write"):
        made = await app.call("POST", "/api/user/api-keys", token=token, json={"name": "ci", "scopes": [scope]})
        keys.append(made.json()["key"])
    assert (await ask(app, keys[0]))["outcome"] == "answered"
    assert_problem(await app.call("POST", PATH, token=keys[1], json={"text": "Hello?"}), 403, "scope_missing")
    assert_problem(await app.call("POST", PATH, json={"text": "Hello?"}), 401, "not_signed_in")


async def test_two_questions_of_one_conversation_at_once_are_not_mixed(app: WholeApi, attendant: Attendant) -> None:
    token = await token_of(app)
    first = await ask(app, token)
    attendant.goes_on.clear()
    bodies = [{"text": text, "conversationId": first["conversationId"]} for text in ("And now?", "And then?")]
    asking = [asyncio.create_task(app.call("POST", PATH, token=token, json=body)) for body in bodies]
    await attendant.two_ask.wait()
    attendant.goes_on.set()
    codes = sorted(answer.status_code for answer in await asyncio.gather(*asking))
    assert codes == [200, 409]
    assert (await ask(app, token, conversationId=first["conversationId"]))["reply"] == "I heard 3 of your sentences."


async def test_few_are_answered_at_once_some_wait_and_the_others_are_refused(
    app: WholeApi, attendant: Attendant
) -> None:
    token = await token_of(app)
    attendant.goes_on.clear()
    asking = [asyncio.create_task(app.call("POST", PATH, token=token, json={"text": "Hello?"})) for _ in range(20)]
    done: set[asyncio.Task[httpx.Response]] = set()
    while len(done) < 2:  # as many as neither are answered nor may wait; the others wait until the model goes on
        done |= (await asyncio.wait(set(asking) - done, return_when=asyncio.FIRST_COMPLETED))[0]
    for each in done:
        assert "in a moment" in assert_problem(each.result(), 503, "assistant_busy")["detail"]
    attendant.goes_on.set()
    codes = [(await answer).status_code for answer in asking]
    assert (attendant.busiest, codes.count(200), codes.count(503)) == (2, 18, 2)


async def test_a_model_that_fails_is_told_and_nothing_is_stored(app: WholeApi) -> None:
    class Broken(Attendant):
        async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
            del messages, knowledge
            raise RuntimeError("a bug")
            yield  # makes it a generator

    async with serving_everything(app.whole.database, model=Broken()) as broken:
        token = await token_of(broken)
        answer = await broken.call("POST", PATH, token=token, json={"text": "Hello?"})
        assert_problem(answer, 503, "assistant_unavailable")
        assert answer.headers["retry-after"]
        assert await broken.db["textconversations"].count_documents({}) == 0


async def test_who_asks_too_often_waits_and_others_do_not(app: WholeApi) -> None:
    token, other = await token_of(app), await token_of(app, "other@example.com")
    answers = [(await app.call("POST", PATH, token=token, json={"text": "Hi"})) for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {200}
    assert_problem(answers[120], 429, "too_many_requests")
    assert answers[120].headers["ratelimit-policy"].startswith('"ask"')
    await ask(app, other)
    assert (await app.call("GET", "/api/user/usage", token=token)).status_code == 200


def stored(conversation_id: str, revision: int) -> StoredConversation:
    return StoredConversation(conversation_id, (), revision)


async def test_a_write_whose_answer_is_lost_has_happened_once(app: WholeApi) -> None:
    services: Services = app.whole
    store, user_id = TextConversationStore(services.database.db), UserId(str(ObjectId()))
    said = (Message(TurnRole.USER, "$Hello.", (ToolCall("x", {"a.b": None}, "1"),), "2"),)
    async with lost_answers(services.database.db, "update"):
        conversation_id = await store.create(user_id, said)
    assert await store.get(user_id, conversation_id) == StoredConversation(conversation_id, said, 1)
    async with lost_answers(services.database.db, "update"):
        assert await store.update(user_id, stored(conversation_id, 1), said * 2)
    assert not await store.update(user_id, stored(conversation_id, 1), said * 3)
    found = await store.get(user_id, conversation_id)
    assert found == StoredConversation(conversation_id, said * 2, 2)
