"""The owner's list of what callers asked in vain: written after calls, read and cleared over HTTP, and forgotten."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from tests.support.accounts import assert_problem
from tests.support.follow_ups import make_due
from tests.support.lost_answers import lost_answers
from tests.support.metering import incoming
from tests.support.reported_turns import turns_of
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.calls.models import Admitted, AnsweredCall
from callgenie.conversations.unanswered.models import ASKINGS_MAX, QUESTIONS_MAX, SESSIONS_SHOWN, Asking
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.mongo.client import Database
from callgenie.voice.turn import Turn

PATH = "/api/user/unanswered-questions"
CALLS = "/api/user/conversations"
BRACES = ("Do you do braces?", "[passed_on] I don't know. Would you like to leave a message?")
NUMBERS = itertools.count(1)


@pytest.fixture
async def app(connected: Database) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected) as served:
        yield served


class Owner:
    """An owner with a number, whose callers say what the test wants."""

    def __init__(self, app: WholeApi, registered: dict[str, Any], number: str) -> None:
        self.app = app
        self.token = str(registered["accessToken"])
        self.id = UserId(registered["user"]["id"])
        self.number = number

    async def rings(self, session_id: str) -> AnsweredCall:
        admitted = await self.app.whole.desk.ring(incoming(session_id, self.number))
        assert isinstance(admitted, Admitted), admitted
        return await self.app.whole.desk.answer(admitted.session_id, admitted.media_token)

    async def hangs_up(self, call: AnsweredCall) -> None:
        await self.app.whole.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=9)

    async def is_called(self, session_id: str, *lines: str) -> AnsweredCall:
        """Hold a call of these turns, end it, and work off what follows."""
        call = await self.rings(session_id)
        await self.says(call, *lines)
        await self.hangs_up(call)
        await self.app.whole.follow_ups.work()
        return call

    async def says(self, call: AnsweredCall, *lines: str, first: int = 1) -> None:
        for turn in turns_of(*lines):
            spoken = Turn(turn.role, turn.text, turn.number, turn.number, outcome=turn.outcome)
            await self.app.whole.desk.save_turn(call, first + turn.number - 1, spoken, 1)

    async def page(self, **query: Any) -> dict[str, Any]:
        answer = await self.app.call("GET", PATH, token=self.token, params=query)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def listed(self) -> list[dict[str, Any]]:
        questions: list[dict[str, Any]] = (await self.page())["data"]
        return questions

    async def deletes(self, question: dict[str, Any]) -> None:
        answer = await self.app.call("DELETE", f"{PATH}/{question['id']}", token=self.token)
        assert answer.status_code == 204, answer.text


async def owner_of(app: WholeApi, email: str = "owner@example.com") -> Owner:
    number = f"+1415555{next(NUMBERS):04}"
    await app.whole.numbers.import_numbers([number])
    registered = await app.register(email)
    assigned = await app.call(
        "POST", "/api/user/assign-phone", token=registered["accessToken"], json={"number": number}
    )
    assert assigned.status_code == 200, assigned.text
    # The free plan's calls would not suffice.
    enterprise = {"subscription.plan": "enterprise"}
    await app.db["userprofiles"].update_one({"userId": ObjectId(registered["user"]["id"])}, {"$set": enterprise})
    return Owner(app, registered, number)


@pytest.fixture
async def owner(app: WholeApi) -> Owner:
    return await owner_of(app)


def asking(number: int, question: str = "Why?", *, at: datetime | None = None) -> Asking:
    return Asking(SessionId(f"CA{number}"), 1, at or datetime.now(UTC) + timedelta(seconds=number), question)


# What is listed


async def test_a_question_that_was_passed_on_is_listed_in_the_caller_s_own_words(owner: Owner) -> None:
    call = await owner.is_called("CA1", "where can I park", "[answered] Behind the shop.", *BRACES)
    (question,) = await owner.listed()
    assert set(question) == {"id", "question", "count", "lastAskedAt", "sessionIds"}
    assert (question["question"], question["count"], question["sessionIds"]) == ("Do you do braces?", 1, ["CA1"])
    asked_at = datetime.fromisoformat(question["lastAskedAt"])
    assert call.answered_at <= asked_at <= call.answered_at + timedelta(seconds=1)
    assert question["lastAskedAt"].endswith("Z")


async def test_a_call_without_such_a_question_leaves_nothing_to_do(owner: Owner) -> None:
    call = await owner.rings("CA1")
    await owner.says(call, "where can I park", "[answered] Behind the shop.", "why?", "- I don't know that.")
    await owner.hangs_up(call)
    record = await owner.app.db["conversations"].find_one({"sessionId": "CA1"})
    assert record is not None
    assert "unanswered-questions" not in [each["kind"] for each in record.get("followUps", [])]
    assert await owner.listed() == []


async def test_a_question_that_the_caller_denied_to_mean_is_listed_and_an_agreed_one_is_not(owner: Owner) -> None:
    await owner.is_called("CA1", "is it free", "[asked_back] Do you mean parking?", "no", "[goodbye] Goodbye.")
    await owner.is_called("CA2", "is it far", "[asked_back] Do you mean parking?", "yes", "[answered] It is not.")
    assert [question["question"] for question in await owner.listed()] == ["is it free"]


async def test_the_same_words_in_another_spelling_are_one_question_with_its_newest_words_and_calls(
    owner: Owner,
) -> None:
    await owner.is_called("CA1", "do you do BRACES", BRACES[1])
    await owner.is_called("CA2", "Is it $free?", "[passed_on] I don't know.")
    await owner.is_called("CA3", *BRACES, "sure? do you do braces", BRACES[1], "Do you do braces!", BRACES[1])
    first, *others = await owner.listed()
    assert (first["question"], first["count"], first["sessionIds"]) == ("Do you do braces!", 3, ["CA3", "CA1"])
    assert [question["question"] for question in others] == ["sure? do you do braces", "Is it $free?"]


async def test_a_follow_up_that_is_repeated_counts_nothing_twice(owner: Owner) -> None:
    call = await owner.is_called("CA1", *BRACES)
    once = await owner.listed()
    again = {"kind": "unanswered-questions", "askedAt": call.answered_at, "dueAt": call.answered_at, "attempts": 3}
    await owner.app.db["conversations"].update_one(
        {"sessionId": "CA1"}, {"$set": {"followUps": [again], "followUpAt": call.answered_at}}
    )
    assert (await owner.app.whole.follow_ups.work()).done == 1
    assert await owner.listed() == once


async def test_a_question_of_a_turn_that_is_saved_after_the_end_is_listed_too(owner: Owner) -> None:
    call = await owner.is_called("CA1", "Hello.", "[courtesy] Hello.")
    await owner.says(call, *BRACES, first=3)
    assert await owner.listed() == []
    await make_due(owner.app.db)
    await owner.app.whole.follow_ups.work()
    assert [question["question"] for question in await owner.listed()] == ["Do you do braces?"]
    record = await owner.app.db["conversations"].find_one({"sessionId": "CA1"})
    assert record is not None
    assert ([turn["number"] for turn in record["turns"]], record["turnCount"]) == ([1, 2, 3, 4], 4)


async def test_a_turn_with_an_open_question_is_saved_once_and_in_its_place(owner: Owner) -> None:
    call = await owner.rings("CA1")
    passed_on = next(turn for turn in turns_of(*BRACES) if turn.outcome)
    turn = Turn(TurnRole.ASSISTANT, "$I don't know.", 5, 6, outcome=passed_on.outcome)
    await owner.app.whole.desk.save_turn(call, 3, Turn(TurnRole.USER, "Later.", 7, 8), 3)
    await asyncio.gather(*(owner.app.whole.desk.save_turn(call, 2, turn, 7) for _ in range(5)))
    record = await owner.app.db["conversations"].find_one({"sessionId": "CA1"})
    assert record is not None
    assert [(each["number"], each["text"]) for each in record["turns"]] == [(2, "$I don't know."), (3, "Later.")]
    assert (record["turnCount"], record["heartbeatSeconds"]) == (2, 7)
    assert "unanswered-questions" not in [each["kind"] for each in record.get("followUps", [])]


# The list


async def test_it_is_listed_page_by_page_the_last_asked_first(owner: Owner) -> None:
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    same = datetime.now(UTC)
    for number in range(5):
        await store.add(owner.id, asking(number, f"question {number}", at=same))
    seen: list[str] = []
    page = await owner.page(limit=2)
    while True:
        seen += [question["question"] for question in page["data"]]
        assert page["hasMore"] is (page["nextCursor"] is not None)
        if not page["hasMore"]:
            break
        page = await owner.page(limit=2, cursor=page["nextCursor"])
    assert sorted(seen, reverse=True) == seen
    assert len(seen) == 5
    other = await owner_of(owner.app, "other@example.com")
    cursor = (await owner.page(limit=2))["nextCursor"]
    stolen = await owner.app.call("GET", PATH, token=other.token, params={"cursor": cursor})
    assert_problem(stolen, 400, "invalid_cursor")


async def test_what_is_not_yours_is_not_there(owner: Owner) -> None:
    await owner.is_called("CA1", *BRACES)
    (question,) = await owner.listed()
    stranger = await owner_of(owner.app, "other@example.com")
    assert await stranger.listed() == []
    for question_id in (question["id"], "f" * 24, "braces", "%00"):
        refused = await owner.app.call("DELETE", f"{PATH}/{question_id}", token=stranger.token)
        assert_problem(refused, 404, "question_not_found")
    assert await owner.listed() == [question]
    assert (await owner.app.call("GET", PATH)).status_code == 401
    assert (await owner.app.call("DELETE", f"{PATH}/{question['id']}")).status_code == 401


async def test_many_askings_are_counted_and_only_the_newest_ones_are_stored(owner: Owner) -> None:
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    for number in range(ASKINGS_MAX + 5):
        await store.add(owner.id, asking(number))
    await store.add(owner.id, asking(2))  # one of those that are only counted
    (question,) = await owner.listed()
    assert question["count"] == ASKINGS_MAX + 5
    assert question["sessionIds"] == [f"CA{ASKINGS_MAX + 4 - at}" for at in range(SESSIONS_SHOWN)]


async def test_so_many_questions_are_listed_and_the_least_recent_ones_go(owner: Owner) -> None:
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    for number in range(QUESTIONS_MAX + 3):
        await store.add(owner.id, asking(number, f"question {number}"))
    questions = owner.app.db["unansweredquestions"]
    assert await questions.count_documents({}) == QUESTIONS_MAX
    assert await questions.count_documents({"question": {"$in": ["question 0", "question 1", "question 2"]}}) == 0


async def test_the_same_question_asked_at_the_same_moment_for_the_first_time_is_one(owner: Owner) -> None:
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    await asyncio.gather(*(store.add(owner.id, asking(number)) for number in range(8)))
    (question,) = await owner.listed()
    assert question["count"] == 8


# Deleting a question


async def test_a_deleted_question_stays_away_until_it_is_asked_again(owner: Owner) -> None:
    call = await owner.is_called("CA1", *BRACES)
    (question,) = await owner.listed()
    await owner.deletes(question)
    assert await owner.listed() == []
    kept = await owner.app.db["unansweredquestions"].find_one({})
    assert kept is not None
    assert "braces" not in str(kept).lower()
    # A repetition of what followed the call, however late.
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    await store.add(owner.id, Asking(SessionId("CA1"), 1, call.answered_at, BRACES[0]))
    assert await owner.listed() == []
    again = await owner.app.call("DELETE", f"{PATH}/{question['id']}", token=owner.token)
    assert_problem(again, 404, "question_not_found")
    await owner.is_called("CA2", *BRACES)
    (back,) = await owner.listed()
    assert (back["count"], back["sessionIds"]) == (1, ["CA2"])
    kept = await owner.app.db["unansweredquestions"].find_one({})
    assert kept is not None
    assert "removeAt" not in kept


async def test_a_deletion_whose_answer_is_lost_is_a_deletion(owner: Owner) -> None:
    await owner.is_called("CA1", *BRACES)
    (question,) = await owner.listed()
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    async with lost_answers(owner.app.whole.database.db, "update"):
        assert await store.delete(owner.id, question["id"])
    assert await owner.listed() == []


# Being forgotten


async def test_a_deleted_conversation_is_taken_out_and_a_question_without_others_goes(owner: Owner) -> None:
    await owner.is_called("CA1", *BRACES, "is it free", "[passed_on] I don't know.")
    await owner.is_called("CA2", "do you do braces", BRACES[1])
    assert (await owner.app.call("DELETE", f"{CALLS}/CA1", token=owner.token)).status_code == 204
    (question,) = await owner.listed()
    assert (question["question"], question["count"], question["sessionIds"]) == ("do you do braces", 1, ["CA2"])
    kept = [document async for document in owner.app.db["unansweredquestions"].find({})]
    assert "CA1" not in str(kept)
    assert "free" not in str(kept)
    assert (await owner.app.call("DELETE", f"{CALLS}/CA2", token=owner.token)).status_code == 204
    assert await owner.listed() == []


async def test_a_deletion_is_followed_up_so_that_what_was_listed_meanwhile_goes_too(owner: Owner) -> None:
    call = await owner.rings("CA1")
    await owner.says(call, *BRACES)
    await owner.hangs_up(call)
    assert (await owner.app.call("DELETE", f"{CALLS}/CA1", token=owner.token)).status_code == 204
    # A worker that had read the conversation before writes now.
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    await store.add(owner.id, Asking(SessionId("CA1"), 1, call.answered_at, BRACES[0]))
    assert len(await owner.listed()) == 1
    await owner.app.whole.follow_ups.work()
    assert await owner.listed() == []
    record = await owner.app.db["conversations"].find_one({"sessionId": "CA1"})
    assert record is not None
    assert "followUps" not in record
    assert "braces" not in str(record)


async def test_the_list_of_another_user_with_the_same_session_id_stays(owner: Owner) -> None:
    other = await owner_of(owner.app, "other@example.com")
    store = UnansweredQuestionStore(owner.app.whole.database.db)
    for whose in (owner.id, other.id):
        await store.add(whose, asking(1))
    await store.forget(owner.id, SessionId("CA1"))
    assert (await owner.listed(), len(await other.listed())) == ([], 1)
