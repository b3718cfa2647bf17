"""The checker: what must be true of the database after a run, whatever broke, and what must be true all the while.

It reads documents and computes everything anew; nothing of the product's own reckoning is used.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import httpx
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from tests.faults.history import History, Operation, OperationOutcome
from tests.faults.workers import Worker
from tests.faults.workload import Owner
from tests.support.mail_sink import Letterbox, text_of

Document = dict[str, Any]
Database = AsyncDatabase[Document]

_SAMPLE_SECONDS = 0.1
_REST_SECONDS_MAX = 60.0
_OWN_END_SECONDS = 20
# A call whose granted seconds end says goodbye this long before them.
_GOODBYE_SECONDS_MAX = 6
# The caller's line is open before the call is answered, and answering it takes a write that may have to wait.
_SECONDS_APART_MAX = 8


async def watch_limits(db: Database, owners: Sequence[Owner], history: History, until: asyncio.Event) -> None:
    """Look again and again whether anybody's plan is passed."""
    limits = {ObjectId(owner.user_id): owner for owner in owners}
    looked = 0
    while not until.is_set():
        with contextlib.suppress(PyMongoError):
            async for usage in db["usage"].find():
                looked += 1
                for fault in _beyond(usage, limits[usage["userId"]]) if usage["userId"] in limits else ():
                    history.complain(fault)
        await asyncio.sleep(_SAMPLE_SECONDS)
    if not looked:
        history.complain("nobody's plan could be looked at, so the run shows nothing of it")


def _beyond(usage: Document, owner: Owner) -> list[str]:
    holds = usage["holds"].values()
    faults = []
    if usage["seconds"] + usage["held"] > owner.limit_seconds:
        faults.append(f"{owner.email} has {usage['seconds']} + {usage['held']} of {owner.limit_seconds} seconds")
    if usage["calls"] + sum(hold["calls"] for hold in holds) > owner.limit_calls:
        faults.append(f"{owner.email} has {usage['calls']} + {len(holds)} of {owner.limit_calls} calls")
    if sum(hold["live"] for hold in holds) > owner.limit_concurrent:
        faults.append(f"{owner.email} has {len(holds)} calls at once, of {owner.limit_concurrent}")
    if usage["held"] != sum(hold["seconds"] for hold in holds):
        faults.append(f"{owner.email}: held is {usage['held']}, and the holds say otherwise")
    return faults


async def is_at_rest(db: Database) -> bool:
    """Tell whether nothing is going on any more."""
    # In the order in which one thing leads to the next: what has left one is seen in those that are asked later.
    unsettled = await db["conversations"].find_one({"leaseUntil": {"$type": "date"}})
    busy = await db["usage"].find_one({"$expr": {"$ne": ["$holds", {}]}})
    owed = await db["conversations"].find_one({"followUps.0": {"$exists": True}})
    # A message that could not be sent waits for minutes before it is tried again; it must only still be there.
    unclaimed = await db["outbox"].find_one({"state": "waiting", "attempts": 0})
    return unsettled is None and busy is None and owed is None and unclaimed is None


async def come_to_rest(db: Database, *, workers_lived: bool) -> bool:
    """Wait until nothing is going on any more; tell whether that came about.

    Leases of dead workers run out after a minute; here their time is moved on in the database. Workers that live are
    given time first to end their calls themselves: who sees a lease run out that was moved on ends the call for them.
    """
    ageing_after = _OWN_END_SECONDS if workers_lived else 2
    for attempt in range(int(_REST_SECONDS_MAX)):
        with contextlib.suppress(PyMongoError):
            if await is_at_rest(db):
                return True
            # Again and again: a request that was at work when its lease was aged may leave a new one behind.
            if attempt >= ageing_after and (attempt - ageing_after) % 10 == 0:
                await age_leases(db)
        await asyncio.sleep(1)
    return False


async def age_leases(db: Database) -> None:
    """Let every lease be over: a worker that lives renews its own with the next beat."""
    past = {"$subtract": ["$$NOW", 1_000]}
    await db["conversations"].update_many({"leaseUntil": {"$type": "date"}}, [{"$set": {"leaseUntil": past}}])
    aged = {
        "$arrayToObject": {
            "$map": {
                "input": {"$objectToArray": "$holds"},
                "as": "hold",
                "in": {"k": "$$hold.k", "v": {"$mergeObjects": ["$$hold.v", {"expiresAt": past}]}},
            }
        }
    }
    # What follows a call and was claimed by whoever never heard so is claimable again after two minutes.
    due = {"$map": {"input": "$followUps", "as": "each", "in": {"$mergeObjects": ["$$each", {"dueAt": past}]}}}
    owed = {"followUps.0": {"$exists": True}}
    await db["conversations"].update_many(owed, [{"$set": {"followUps": due, "followUpAt": past}}])
    await db["usage"].update_many({"$expr": {"$ne": ["$holds", {}]}}, [{"$set": {"holds": aged, "nextExpiryAt": past}}])


async def check_everything(
    db: Database,
    history: History,
    owners: Sequence[Owner],
    racers: Sequence[Owner],
    letterbox: Letterbox,
    *,
    workers_lived: bool,
) -> list[str]:
    """Return what is not as it must be, in words; nothing when all is well."""
    faults = list(dict.fromkeys(history.complaints))
    if not await is_at_rest(db):
        faults.append("holds or unsettled conversations are left")
    conversations = await db["conversations"].find().to_list()
    faults += _ledger_faults(conversations, await db["usage"].find().to_list(), owners)
    faults += _saving_faults(conversations, history.of("save"))
    faults += _call_faults(conversations, history.of("call"))
    if workers_lived:
        faults += _memory_faults(conversations, history.of("call"))
        faults += [
            f"call {conversation['sessionId']} was taken for dead while its worker lived"
            for conversation in conversations
            if _is_taken_for_dead(conversation)
        ]
    faults += _number_faults(await db["phonenumbers"].find().to_list(), history.of("number"), racers)
    return faults + mail_faults(await db["outbox"].find().to_list(), history.of("forgot"), letterbox)


async def session_faults(history: History, crew: Sequence[Worker]) -> list[str]:
    """Return which sessions some worker still takes, or takes again, after their sign-out was acknowledged."""
    faults = []
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        for operation in history.of("logout"):
            if operation.outcome is OperationOutcome.OK:
                headers = {"Authorization": f"Bearer {operation.key}"}
                for worker in crew:
                    status = (await http.get(f"{worker.url}/api/user/profile", headers=headers)).status_code
                    if status != httpx.codes.UNAUTHORIZED:
                        faults.append(f"a session that was over is answered {status} by worker {worker.number} at rest")
    return faults


def mail_faults(lines: list[Document], operations: list[Operation], letterbox: Letterbox) -> list[str]:
    """As many mails as were asked for are there; what counts as sent arrived; a repetition is the same mail."""
    texts: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for message in letterbox.messages:
        text, name = text_of(message), str(message["Message-ID"])
        texts[name].add(text)
        # Each has a link of its own.
        names[text].add(name)
    faults = [f"two mails with the one id {name} differ" for name, those in texts.items() if len(those) > 1]
    faults += [f"one mail was sent under the ids {those}" for those in names.values() if len(those) > 1]
    sent = sum(line["state"] == "sent" for line in lines)
    if sent > len(names):
        faults.append(f"{sent} mails count as sent, and {len(names)} arrived")
    faults += [f"mail {line['_id']} was given up: {line.get('error')}" for line in lines if line["state"] == "dead"]
    kept = Counter(line["email"] for line in lines if line["kind"] == "reset")
    asked = Counter(operation.key for operation in operations if operation.outcome is not OperationOutcome.FAIL)
    promised = Counter(operation.key for operation in operations if operation.outcome is OperationOutcome.OK)
    return faults + [
        f"{promised[email]} mails to {email} were promised, {count} asked for, and {kept[email]} are there"
        for email, count in asked.items()
        if not promised[email] <= kept[email] <= count
    ]


def _ledger_faults(conversations: list[Document], usages: list[Document], owners: Sequence[Owner]) -> list[str]:
    limits = {ObjectId(owner.user_id): owner for owner in owners}
    seconds: Counter[tuple[Any, Any]] = Counter()
    calls: Counter[tuple[Any, Any]] = Counter()
    for conversation in conversations:
        period = (conversation["userId"], conversation["periodStart"])
        seconds[period] += conversation.get("billableSeconds") or 0
        calls[period] += bool(conversation.get("counted"))
    faults = []
    seen = set()
    for usage in usages:
        period = (usage["userId"], usage["periodStart"])
        seen.add(period)
        if usage["seconds"] != seconds[period]:
            faults.append(f"{period}: {usage['seconds']} seconds used, conversations say {seconds[period]}")
        if usage["calls"] != calls[period]:
            faults.append(f"{period}: {usage['calls']} calls used, conversations say {calls[period]}")
        if usage["userId"] in limits:
            faults += _beyond(usage, limits[usage["userId"]])
    faults += [f"{period}: calls without usage" for period in calls if calls[period] and period not in seen]
    return faults


def _saving_faults(conversations: list[Document], operations: list[Operation]) -> list[str]:
    """`ok <= present <= ok + unknown` for every exchange, and each at most once."""
    texts: Counter[str] = Counter()
    recorded = {}
    for conversation in conversations:
        texts.update(turn["text"] for turn in conversation.get("turns", ()))
        recorded[conversation["sessionId"]] = conversation
    sent: defaultdict[str, set[OperationOutcome]] = defaultdict(set)
    facts: dict[str, dict[str, Any]] = {}
    for operation in operations:
        sent[operation.key].add(operation.outcome)
        facts[operation.key] = operation.facts
    faults = []
    for key, outcomes in sent.items():
        session_id, _, part = key.rpartition("/")
        words = f"question {part} of {session_id}", f"answer {part} of {session_id}"
        for text in words:
            if texts[text] > 1:
                faults.append(f"{text!r} is there {texts[text]} times")
            if OperationOutcome.OK in outcomes and texts[text] == 0:
                faults.append(f"{text!r} was acknowledged and is lost")
            if outcomes == {OperationOutcome.FAIL} and texts[text]:
                faults.append(f"{text!r} was refused and is there")
        if part == "2" and OperationOutcome.OK in outcomes:
            faults += _completion_faults(recorded.get(session_id, {}), facts[key])
    return faults


def _completion_faults(conversation: Document, facts: dict[str, Any]) -> list[str]:
    counted = (conversation.get("billableSeconds") or 0) + (conversation.get("overageSeconds") or 0)
    if conversation.get("status") != "completed":
        return [f"{conversation.get('sessionId')} was acknowledged as completed and is {conversation.get('status')}"]
    if counted != facts["seconds"]:
        return [f"{conversation['sessionId']} lasted {facts['seconds']} s, and {counted} are accounted for"]
    return []


def _call_faults(conversations: list[Document], operations: list[Operation]) -> list[str]:
    found: defaultdict[str, list[Document]] = defaultdict(list)
    for conversation in conversations:
        found[conversation["sessionId"]].append(conversation)
    faults = []
    for operation in operations:
        records = found[operation.key]
        if len(records) > 1:
            faults.append(f"call {operation.key} has {len(records)} conversations")
        if operation.outcome is OperationOutcome.OK and not records:
            faults.append(f"call {operation.key} was answered and has no conversation")
        for record in records:
            numbers = [turn["number"] for turn in record.get("turns", ())]
            if len(set(numbers)) != len(numbers) or record.get("turnCount", 0) != len(numbers):
                faults.append(f"call {operation.key} has the turns {numbers} and counts {record.get('turnCount')}")
            if (record.get("billableSeconds") or 0) > (record.get("grantedSeconds") or 0):
                faults.append(f"call {operation.key} is billed beyond what it was granted")
            if record.get("answeredAt") and not record.get("counted"):
                faults.append(f"call {operation.key} was answered and is not counted")
            if operation.outcome is OperationOutcome.FAIL and (record.get("counted") or record.get("billableSeconds")):
                faults.append(f"call {operation.key} was refused and is counted")
    return faults


def _is_taken_for_dead(conversation: Document) -> bool:
    """Tell whether somebody else ended a call that went on.

    A call that was never answered is nobody's any more once the answer to its admission is lost. One that has had all
    the seconds that were granted, but for what a goodbye takes, ended itself, as it should when the database cannot be
    asked for more.
    """
    if conversation.get("endedReason") != "lease-expired" or not conversation.get("answeredAt"):
        return False
    return bool(conversation["billableSeconds"] < conversation["grantedSeconds"] - _GOODBYE_SECONDS_MAX)


def _memory_faults(conversations: list[Document], operations: list[Operation]) -> list[str]:
    """Return which calls are not on record as their callers had them, though no worker died that held them."""
    records = {conversation["sessionId"]: conversation for conversation in conversations}
    faults = []
    for operation in operations:
        if operation.outcome is not OperationOutcome.OK or operation.key not in records:
            continue
        record, facts = records[operation.key], operation.facts
        if not record.get("answeredAt"):
            # The socket was opened, and closed again because the database was away.
            if facts["answers"]:
                faults.append(f"call {operation.key} had {facts['answers']} answers and was never answered")
            continue
        turns = record.get("turns", ())
        if [turn["number"] for turn in turns] != list(range(1, len(turns) + 1)):
            faults.append(f"call {operation.key} lacks turns: {[turn['number'] for turn in turns]}")
        asked = sum(turn["role"] == "user" for turn in turns)
        # What the caller takes for an answer may be an announcement or an apology, which have no latency; and one that
        # comes with a hole in it sounds like two.
        others = sum(turn["role"] == "assistant" and not turn.get("latency") for turn in turns[1:])
        if asked + others + facts["holes"] < facts["answers"]:
            told = [(turn["role"], turn["text"]) for turn in turns]
            faults.append(
                f"call {operation.key}: {facts['answers']} questions were answered, {asked} are on record: {told}"
            )
        billed, longest = record.get("billableSeconds") or 0, (operation.ended or 0) - operation.began
        # A simulator that is late plays its caller's seconds more slowly than time passes.
        if not facts["seconds"] - _SECONDS_APART_MAX <= billed <= longest + 2:
            faults.append(
                f"call {operation.key} lasted {facts['seconds']:.1f} to {longest:.1f} s, and {billed} are billed"
            )
    return faults


def _number_faults(numbers: list[Document], operations: list[Operation], racers: Sequence[Owner]) -> list[str]:
    holders = Counter(number["userId"] for number in numbers if number["state"] == "assigned")
    faults = [f"{user} holds {count} numbers" for user, count in holders.items() if count > 1]
    given: dict[str, set[str]] = defaultdict(set)
    for operation in operations:
        if operation.outcome is OperationOutcome.OK:
            given[operation.facts["number"]].add(operation.key)
    faults += [f"{number} was given to {len(users)} users" for number, users in given.items() if len(users) > 1]
    there = {number["_id"]: str(number.get("userId")) for number in numbers}
    faults += [
        f"{number} was acknowledged to {user}, and is {there.get(number)}'s"
        for number, users in given.items()
        for user in users
        if there.get(number) != user
    ]
    refused = {operation.key for operation in operations if operation.outcome is OperationOutcome.FAIL}
    faults += [f"{user} was refused a number and has one" for user in refused & set(map(str, holders))]
    known = {racer.user_id for racer in racers}
    return faults + [f"{operation.key} is no racer" for operation in operations if operation.key not in known]
