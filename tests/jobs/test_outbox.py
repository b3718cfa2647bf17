import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.mail_sink import Letterbox, mail_sink

from callgenie.jobs.outbox import ATTEMPTS_MAX, BACKOFF, Delivery, MailNotFoundError, Written
from callgenie.jobs.outbox_models import NewMail, OutboxEntry, OutboxState
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SystemRandomness
from callgenie.mail.console import ConsoleMailer
from callgenie.mail.models import Letter, Mailer

Document = dict[str, Any]


@dataclass
class Scribe:
    """Writes what it is told to."""

    silent: bool = False
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def write(self, entry: OutboxEntry) -> Written | None:
        self.asked.append(entry.id)
        if entry.id in self.broken:
            raise RuntimeError("a bug")
        if self.silent:
            return None
        return Written("owner@example.com", Letter(f"About {entry.id}", "Hello,", (str(entry.facts["what"]),)))


@pytest.fixture
def store(database: AsyncDatabase[Document]) -> OutboxStore:
    return OutboxStore(database)


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
async def sink() -> AsyncIterator[Letterbox]:
    async with mail_sink() as letterbox:
        yield letterbox


def delivery(store: OutboxStore, mailer: Mailer, scribe: Scribe) -> Delivery:
    return Delivery(store, mailer, {"test": scribe}, SystemRandomness())


def mail(name: str = "test:1", what: str = "$a.b {$c}") -> NewMail:
    return NewMail(name, "test", facts={"what": what})


async def make_due(database: AsyncDatabase[Document]) -> None:
    """Stand in for waiting: leases and pauses are measured by the database's clock, which no test can move."""
    await database["outbox"].update_many({"state": "waiting"}, [{"$set": {"dueAt": "$$NOW"}}])


async def state_of(store: OutboxStore, name: str = "test:1") -> OutboxState:
    entry = await store.find(name)
    assert entry is not None
    return entry.state


async def test_what_is_put_is_delivered_once(store: OutboxStore, sink: Letterbox, scribe: Scribe) -> None:
    await store.put(mail())
    assert (await delivery(store, sink.mailer(), scribe).deliver()).sent == 1
    assert (await delivery(store, sink.mailer(), scribe).deliver()).sent == 0
    assert sink.recipients == ["owner@example.com"]
    assert "$a.b {$c}" in sink.texts()[0]
    assert await state_of(store) is OutboxState.SENT


async def test_the_same_id_is_one_mail_whatever_became_of_it(
    store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    await asyncio.gather(*(store.put(mail()) for _ in range(20)))
    await delivery(store, sink.mailer(), scribe).deliver()
    await store.put(mail(what="something else"))
    await delivery(store, sink.mailer(), scribe).deliver()
    assert len(sink.messages) == 1


async def test_of_many_workers_each_mail_is_sent_by_one(store: OutboxStore, sink: Letterbox, scribe: Scribe) -> None:
    for number in range(30):
        await store.put(mail(f"test:{number}"))
    await asyncio.gather(*(delivery(store, sink.mailer(), scribe).deliver() for _ in range(6)))
    assert sorted(scribe.asked) == sorted(f"test:{number}" for number in range(30))
    assert len({message["Message-ID"] for message in sink.messages}) == len(sink.messages) == 30


async def test_a_server_that_is_away_for_a_while_gets_the_mail_once_when_it_is_back(
    database: AsyncDatabase[Document], store: OutboxStore, scribe: Scribe
) -> None:
    async with mail_sink() as letterbox:
        pass
    await store.put(mail())
    for attempt in range(1, 4):
        assert (await delivery(store, letterbox.mailer(), scribe).deliver()).postponed == 1
        waiting = await store.find("test:1")
        assert waiting is not None
        assert (waiting.state, waiting.attempts) == (OutboxState.WAITING, attempt)
        assert "cannot be used" in (waiting.error or "")
        await make_due(database)
    async with mail_sink(letterbox):
        assert (await delivery(store, letterbox.mailer(), scribe).deliver()).sent == 1
        assert (await delivery(store, letterbox.mailer(), scribe).deliver()).sent == 0
    assert len(letterbox.messages) == 1


async def test_what_failed_is_not_tried_again_at_once(store: OutboxStore, sink: Letterbox, scribe: Scribe) -> None:
    sink.refuse = "451 later"
    await store.put(mail())
    worker = delivery(store, sink.mailer(), scribe)
    assert (await worker.deliver()).postponed == 1
    assert (await worker.deliver()).postponed == 0


async def test_a_mailbox_that_does_not_exist_is_given_up_at_once(
    store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    sink.refuse = "550 nobody here"
    await store.put(mail())
    assert (await delivery(store, sink.mailer(), scribe).deliver()).dead == 1
    entry = await store.find("test:1")
    assert entry is not None
    assert entry.state is OutboxState.DEAD
    assert "550" in (entry.error or "")


async def test_after_about_a_day_of_trying_a_mail_is_given_up(
    database: AsyncDatabase[Document], store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    sink.refuse = "451 later"
    await store.put(mail())
    await database["outbox"].update_one({}, {"$set": {"attempts": ATTEMPTS_MAX - 1}})
    assert (await delivery(store, sink.mailer(), scribe).deliver()).dead == 1
    assert await state_of(store) is OutboxState.DEAD


def test_pauses_grow_to_an_hour_and_add_up_to_about_a_day() -> None:
    pauses = [BACKOFF.after(attempts) for attempts in range(1, ATTEMPTS_MAX)]
    assert pauses[0] == timedelta(seconds=1)
    assert pauses == sorted(pauses)
    assert pauses[-1] == BACKOFF.after(10_000) == BACKOFF.longest
    assert timedelta(hours=20) < sum(pauses, timedelta()) < timedelta(hours=30)


async def test_a_mail_whose_worker_died_is_sent_by_another_one_with_the_same_message_id(
    database: AsyncDatabase[Document], store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    await store.put(mail())
    # The server took the mail, and the worker never heard of it nor wrote it down.
    assert await store.claim("the dead one", timedelta(minutes=2)) is not None
    worker = delivery(store, sink.mailer(), scribe)
    assert (await worker.deliver()).sent == 0
    await make_due(database)
    assert (await worker.deliver()).sent == 1


async def test_a_worker_that_was_too_slow_changes_nothing_any_more(
    database: AsyncDatabase[Document], store: OutboxStore
) -> None:
    await store.put(mail())
    slow = await store.claim("slow", timedelta(minutes=2))
    await make_due(database)
    quick = await store.claim("quick", timedelta(minutes=2))
    assert slow is not None
    assert quick is not None
    assert not await store.finish(slow, OutboxState.DEAD, "too late")
    assert not await store.postpone(slow, timedelta(seconds=1), "too late")
    assert await store.finish(quick, OutboxState.SENT)
    assert await state_of(store) is OutboxState.SENT


async def test_a_connection_that_breaks_after_the_mail_was_taken_repeats_it_recognisably(
    database: AsyncDatabase[Document], store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    sink.drop_after_data = True
    await store.put(mail())
    worker = delivery(store, sink.mailer(), scribe)
    assert (await worker.deliver()).postponed == 1
    sink.drop_after_data = False
    await make_due(database)
    assert (await worker.deliver()).sent == 1
    assert len(sink.messages) == 2
    assert sink.messages[0]["Message-ID"] == sink.messages[1]["Message-ID"]


async def test_one_mail_that_cannot_be_written_does_not_keep_the_others(
    store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    scribe.broken.add("test:1")
    await store.put(mail("test:1"))
    await store.put(mail("test:2"))
    report = await delivery(store, sink.mailer(), scribe).deliver()
    assert (report.sent, report.postponed) == (1, 1)


async def test_what_there_is_nothing_to_say_about_is_dropped(
    store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    scribe.silent = True
    await store.put(mail())
    assert (await delivery(store, sink.mailer(), scribe).deliver()).dropped == 1
    assert await state_of(store) is OutboxState.DROPPED
    assert sink.messages == []


async def test_without_a_mail_server_mails_are_kept_and_can_be_read(store: OutboxStore, scribe: Scribe) -> None:
    await store.put(mail())
    worker = delivery(store, ConsoleMailer(), scribe)
    await worker.deliver()
    (kept,) = await store.unsent_of_any_user(10)
    assert (kept.id, kept.state) == ("test:1", OutboxState.KEPT)
    assert (await worker.read("test:1")).letter.paragraphs == ("$a.b {$c}",)
    with pytest.raises(MailNotFoundError):
        await worker.read("test:2")


async def test_what_is_done_with_is_removed_some_day_and_what_waits_is_not(
    database: AsyncDatabase[Document], store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    await store.put(mail("test:1"))
    await delivery(store, sink.mailer(), scribe).deliver()
    await store.put(mail("test:2"))
    done, waiting = [await database["outbox"].find_one({"_id": name}) for name in ("test:1", "test:2")]
    assert done is not None
    assert waiting is not None
    assert done["expiresAt"] - done["doneAt"] == timedelta(days=7)
    assert waiting["expiresAt"] is None


async def test_the_age_of_the_oldest_waiting_mail_is_known(
    database: AsyncDatabase[Document], store: OutboxStore
) -> None:
    assert await store.oldest_waiting_seconds() == 0
    await store.put(mail())
    await database["outbox"].update_one({}, [{"$set": {"askedAt": {"$subtract": ["$askedAt", 60_000]}}}])
    assert 60 <= await store.oldest_waiting_seconds() < 70


async def test_looking_for_what_is_due_reads_only_what_waits(
    database: AsyncDatabase[Document], store: OutboxStore, sink: Letterbox, scribe: Scribe
) -> None:
    for number in range(20):
        await store.put(mail(f"test:{number}"))
    await delivery(store, sink.mailer(), scribe).deliver()
    await store.put(mail("test:waiting"))
    due = {"state": "waiting", "$expr": {"$lte": ["$dueAt", "$$NOW"]}}
    command = {"find": "outbox", "filter": due, "sort": {"dueAt": 1}, "limit": 1}
    explained = await database.command("explain", command, verbosity="executionStats")
    assert "dueAt_waiting" in str(explained["queryPlanner"]["winningPlan"])
    assert explained["executionStats"]["totalDocsExamined"] <= 1
