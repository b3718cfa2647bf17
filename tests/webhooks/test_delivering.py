import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError
from tests.support.accounts import assert_problem
from tests.support.certificates import Authority
from tests.support.kept_recording import recorded
from tests.support.mail_sink import address_in
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.whole_app import WholeApi, serving_everything
from tests.webhooks.conftest import Owner

from callgenie.mail.rendering import as_text
from callgenie.mongo.client import Database
from callgenie.webhooks.sending import ATTEMPTS_MAX, BACKOFF


async def test_a_call_that_ended_is_told_once_and_signed(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    saved = await owner.talk()
    await owner.pass_a_second()
    await owner.pass_a_second()
    (received,) = receiver.received
    message = received.verified(made["secret"])
    assert set(message) == {"type", "timestamp", "data"}
    assert message["type"] == "call.ended"
    assert message["timestamp"].endswith("Z")
    assert received.target == "/in"
    call = message["data"]
    assert {name: call[name] for name in ("sessionId", "phoneNumber", "status", "duration", "billableSeconds")} == {
        "sessionId": "s-1",
        "phoneNumber": "+14155550188",
        "status": "completed",
        "duration": 30,
        "billableSeconds": 30,
    }
    assert call == {name: saved[name] for name in call}
    assert "turns" not in call
    (delivery,) = await owner.deliveries(made)
    assert (delivery["state"], delivery["attempts"], delivery["eventId"]) == ("delivered", 1, received.id)
    assert (delivery["sessionId"], delivery["nextAttemptAt"]) == ("s-1", None)
    (tried,) = delivery["log"]
    assert (tried["status"], tried["excerpt"], tried["error"]) == (200, "ok", None)


async def test_what_was_said_is_told_to_those_only_that_want_it(owner: Owner, receiver: Receiver) -> None:
    slim, whole = await owner.webhook(receiver), await owner.webhook(receiver, includeTranscript=True)
    await owner.talk(status="in-progress", duration=None)
    await owner.pass_a_second()
    assert all(json.loads(each.body)["type"] == "call.started" for each in receiver.received)
    assert not any(b"8472" in each.body for each in receiver.received)
    receiver.received.clear()
    await owner.talk(userMessage="Bye")
    await owner.pass_a_second()
    assert len(receiver.received) == 2
    for received in receiver.received:
        try:
            said = [turn["text"] for turn in received.verified(whole["secret"])["data"]["turns"]]
            assert said == ["My secret is 8472", "Noted.", "Bye", "Noted."]
        except WebhookVerificationError:
            assert "turns" not in received.verified(slim["secret"])["data"]


async def test_a_transcript_that_is_too_large_is_left_to_the_api(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.ended"], includeTranscript=True)
    for number in range(70):
        await owner.talk(
            status="in-progress", duration=None, userMessage=f"{number} " + "x" * 7_900, aiResponse="y" * 8_000
        )
    await owner.talk(userMessage="Bye")
    await owner.pass_a_second()
    (received,) = receiver.received
    call = received.verified(made["secret"])["data"]
    assert (call["turns"], call["turnCount"]) == (None, 142)


async def test_what_a_call_came_to_is_told_once_it_is_summed_up(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.analyzed"])
    await owner.talk()
    await owner.pass_a_second()
    assert receiver.received == []
    await owner.api.whole.analyses.work()
    await owner.pass_a_second()
    message = receiver.received[0].verified(made["secret"])
    assert (message["type"], message["data"]["sessionId"]) == ("call.analyzed", "s-1")
    assert message["data"]["analysis"]["summary"].startswith("A caller called and stayed for 30 s.")


async def test_a_call_that_was_recorded_leads_to_its_recording(
    api: WholeApi, receiver: Receiver, tmp_path: Path
) -> None:
    registered = await api.register()
    owner = Owner(api, registered["accessToken"])
    made = await owner.webhook(receiver, events=["call.ended", "call.analyzed"])
    kept = await recorded(api, tmp_path, registered=registered)
    await owner.pass_a_second()
    await api.whole.analyses.work()
    await owner.pass_a_second()
    messages = [received.verified(made["secret"]) for received in receiver.received]
    assert [message["type"] for message in messages] == ["call.ended", "call.analyzed"]
    for message in messages:
        assert (await kept.get(message["data"]["audioUrl"])).content == kept.sound


async def test_only_who_wants_an_event_gets_it(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.started"])
    await owner.talk()
    await owner.pass_a_second()
    assert receiver.received == []
    assert await owner.deliveries(made) == []


async def test_four_fifths_of_a_plan_and_all_of_it_are_told_once_each(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["usage.threshold_reached"])
    for number, seconds in enumerate((1_439, 1, 60, 1_000, 1_000)):
        await owner.talk(f"s-{number}", duration=seconds)
        await owner.pass_a_second()
    data = [received.verified(made["secret"])["data"] for received in receiver.received]
    assert [each["percent"] for each in data] == [80, 100]
    assert data[0] == {
        "percent": 80,
        "plan": "free",
        "calls": 2,
        "callLimit": 10,
        "seconds": 1_440,
        "secondLimit": 1_800,
        "periodStart": data[0]["periodStart"],
        "periodEnd": data[0]["periodEnd"],
    }
    assert data[0]["periodStart"] < data[0]["periodEnd"]
    assert all(each["periodEnd"].endswith("Z") for each in data)


async def test_a_receiver_that_is_away_for_a_while_gets_it_once_it_is_back_under_one_id(
    owner: Owner, authority: Authority
) -> None:
    async with receiving(tls=authority.server("localhost")) as receiver:
        made = await owner.webhook(receiver, events=["call.ended"])
    await owner.talk()
    for attempt in range(1, 4):
        await owner.pass_a_second()
        (waiting,) = await owner.deliveries(made)
        assert (waiting["state"], waiting["attempts"]) == ("waiting", attempt)
        assert [tried["error"] for tried in waiting["log"]] == ["connection_failed"] * attempt
        await owner.make_due()
    assert (await owner.ask("GET", f"/{made['id']}")).json()["failingSince"] is not None
    receiver.statuses = [500, 302]
    async with receiving(receiver, tls=authority.server("localhost")):
        for _ in range(4):
            await owner.pass_a_second()
            await owner.make_due()
    assert len(receiver.received) == 3
    assert len({received.id for received in receiver.received}) == 1
    assert len({received.headers["webhook-signature"] for received in receiver.received}) >= 1
    (delivered,) = await owner.deliveries(made)
    assert delivered["state"] == "delivered"
    assert [tried["status"] for tried in delivered["log"]] == [None, None, None, 500, 302, 200]
    assert (await owner.ask("GET", f"/{made['id']}")).json()["failingSince"] is None


async def test_what_failed_is_not_tried_again_at_once(owner: Owner, receiver: Receiver) -> None:
    receiver.status = 503
    await owner.webhook(receiver, events=["call.ended"])
    await owner.talk()
    await owner.pass_a_second()
    await owner.pass_a_second()
    assert len(receiver.received) == 1


def test_pauses_add_up_to_more_than_a_day() -> None:
    pauses = [BACKOFF.after(attempts) for attempts in range(1, ATTEMPTS_MAX)]
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=5), timedelta(hours=6))
    assert timedelta(hours=24) < sum(pauses, timedelta()) < timedelta(hours=36)


async def test_after_that_it_is_given_up_and_can_be_sent_again(owner: Owner, receiver: Receiver) -> None:
    receiver.status = 500
    made = await owner.webhook(receiver, events=["call.ended"])
    await owner.talk()
    await owner.pass_a_second()
    await owner.api.db["webhookdeliveries"].update_one({}, {"$set": {"attempts": ATTEMPTS_MAX - 1}})
    await owner.make_due()
    await owner.pass_a_second()
    (dead,) = await owner.deliveries(made)
    assert (dead["state"], dead["attempts"]) == ("dead", ATTEMPTS_MAX)
    receiver.status = 204
    again = await owner.ask("POST", f"/{made['id']}/deliveries/{dead['id']}/resend")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "waiting", 0)
    await owner.pass_a_second()
    (delivered,) = await owner.deliveries(made)
    assert delivered["state"] == "delivered"
    assert len({received.id for received in receiver.received}) == 1


async def test_who_answers_410_gets_nothing_more_and_the_owner_a_mail(owner: Owner, receiver: Receiver) -> None:
    receiver.status = 410
    made = await owner.webhook(receiver, events=["call.ended"])
    for number in range(3):
        await owner.talk(f"s-{number}")
    await owner.pass_a_second()
    await owner.pass_a_second()
    assert len(receiver.received) == 1
    found = (await owner.ask("GET", f"/{made['id']}")).json()
    assert (found["enabled"], found["disabledReason"]) == (False, "gone")
    assert sorted(each["state"] for each in await owner.deliveries(made)) == ["cancelled", "cancelled", "dead"]
    (kept,) = await owner.api.db["outbox"].find({"kind": "webhook-off"}).to_list()
    written = await owner.api.whole.delivery.read(kept["_id"])
    assert written.to == "owner@example.com"
    assert "localhost" in written.letter.subject
    assert "410" in written.letter.paragraphs[0]
    assert "/in" not in str(written)
    shown = await owner.api.call("GET", address_in(as_text(written.letter)), token=owner.token)
    assert (shown.status_code, shown.json()["data"][0]["id"]) == (200, made["id"])
    await owner.talk("s-4")
    await owner.pass_a_second()
    assert len(receiver.received) == 1
    for path in ("/test", f"/deliveries/{(await owner.deliveries(made))[0]['id']}/resend"):
        assert_problem(await owner.ask("POST", f"/{made['id']}{path}"), 409, "webhook_disabled")


async def test_who_took_nothing_for_five_days_is_switched_off_until_the_owner_switches_it_on(
    owner: Owner, receiver: Receiver
) -> None:
    receiver.status = 500
    made = await owner.webhook(receiver, events=["call.ended"])
    await owner.talk("s-1")
    await owner.pass_a_second()
    endpoints = owner.api.db["webhookendpoints"]

    async def go_on_failing_for(**time: float) -> dict[str, Any]:
        since = {"$subtract": ["$$NOW", int(timedelta(**time).total_seconds() * 1_000)]}
        await endpoints.update_one({}, [{"$set": {"failingSince": since}}])
        await owner.make_due()
        await owner.pass_a_second()
        found: dict[str, Any] = (await owner.ask("GET", f"/{made['id']}")).json()
        return found

    assert (await go_on_failing_for(days=4, hours=23))["enabled"]
    off = await go_on_failing_for(days=5, hours=1)
    assert (off["enabled"], off["disabledReason"]) == (False, "failing")
    (mail,) = await owner.api.db["outbox"].find({"kind": "webhook-off"}).to_list()
    assert "taken no event since" in (await owner.api.whole.delivery.read(mail["_id"])).letter.paragraphs[0]
    receiver.status = 200
    on = (await owner.ask("PATCH", f"/{made['id']}", json={"enabled": True})).json()
    assert (on["enabled"], on["disabledReason"], on["failingSince"]) == (True, None, None)
    await owner.make_due()
    await owner.pass_a_second()
    assert (await owner.deliveries(made))[0]["state"] == "delivered"


async def test_a_test_event_is_tried_once(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.ended"])
    asked = await owner.ask("POST", f"/{made['id']}/test")
    assert (asked.status_code, asked.json()["state"], asked.json()["type"]) == (202, "waiting", "webhook.test")
    await owner.pass_a_second()
    (received,) = receiver.received
    assert received.verified(made["secret"])["data"] == {"message": "This is a test."}
    receiver.status = 500
    await owner.ask("POST", f"/{made['id']}/test")
    await owner.pass_a_second()
    assert [each["state"] for each in await owner.deliveries(made)] == ["dead", "delivered"]
    assert (await owner.ask("GET", f"/{made['id']}")).json()["failingSince"] is None


async def test_of_a_conversation_that_was_deleted_nothing_is_sent(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.ended"], includeTranscript=True)
    await owner.talk()
    await owner.api.whole.follow_ups.work()
    db = owner.api.db
    assert "8472" not in str(await db["webhookdeliveries"].find().to_list())
    assert "+14155550188" not in str(await db["webhookdeliveries"].find().to_list())
    gone = await owner.api.call("DELETE", "/api/user/conversations/s-1", token=owner.token)
    assert gone.status_code == 204
    await owner.pass_a_second()
    assert receiver.received == []
    assert (await owner.deliveries(made))[0]["state"] == "cancelled"


async def test_of_several_workers_one_delivers_each(
    owner: Owner, receiver: Receiver, connected: Database, authority: Authority, tmp_path: Path
) -> None:
    await owner.webhook(receiver, events=["call.ended"])
    for number in range(8):
        await owner.talk(f"s-{number}", duration=1)
    async with serving_everything(
        connected, data_dir=tmp_path, webhook_allowed_hosts=("localhost",), webhook_ca_file=authority.file
    ) as second:
        workers = [owner.api.whole, second.whole]
        await asyncio.gather(*(worker.follow_ups.work() for worker in workers for _ in range(2)))
        await asyncio.gather(*(worker.webhook_room.sender.deliver() for worker in workers for _ in range(2)))
        await second.whole.webhook_room.close()
    assert len(receiver.received) == len({received.id for received in receiver.received}) == 8


async def test_what_a_worker_had_claimed_that_died_is_sent_by_another_one_under_the_same_id(
    owner: Owner, receiver: Receiver
) -> None:
    await owner.webhook(receiver, events=["call.ended"])
    await owner.talk()
    receiver.hangs = True
    dying = asyncio.ensure_future(owner.pass_a_second())
    await receiver.seen.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    receiver.hangs = False
    await owner.pass_a_second()
    assert len(receiver.received) == 1
    await owner.make_due()
    await owner.pass_a_second()
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


async def test_a_receiver_that_hangs_delays_nobody_else(owner: Owner, receiver: Receiver, authority: Authority) -> None:
    async with receiving(Receiver(hangs=True), tls=authority.server("localhost")) as stuck:
        hanging = [await owner.webhook(stuck, events=["call.ended"]) for _ in range(2)]
        await owner.webhook(receiver, events=["call.ended"])
        for number in range(5):
            await owner.talk(f"s-{number}", duration=1)
        await owner.api.whole.follow_ups.work()
        running = asyncio.ensure_future(owner.api.whole.webhook_room.sender.run())
        while len(receiver.received) < 5:
            receiver.seen.clear()
            await receiver.seen.wait()
        # One connection for each endpoint that hangs, however much is due there.
        assert stuck.open_most == len(hanging)
        await owner.talk("s-late", duration=1)
        await owner.api.whole.follow_ups.work()
        while len(receiver.received) < 6:
            receiver.seen.clear()
            await receiver.seen.wait()
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert {each["state"] for each in await owner.deliveries(hanging[0])} == {"waiting"}


async def test_looking_for_what_is_due_reads_only_what_is(owner: Owner, receiver: Receiver) -> None:
    await owner.webhook(receiver, events=["call.ended"])
    for number in range(10):
        await owner.talk(f"s-{number}", duration=1)
    await owner.pass_a_second()
    await owner.talk("s-late", duration=1)
    await owner.api.whole.follow_ups.work()
    db = owner.api.db
    await db.command({"profile": 2})
    try:
        await owner.api.whole.webhook_room.sender.deliver()
        asked = await db["system.profile"].find({"command.find": "webhookdeliveries"}).to_list()
    finally:
        await db.command({"profile": 0})
        await db.drop_collection("system.profile")
    looks = [each for each in asked if "sort" in each["command"]]
    assert looks
    assert all("IXSCAN" in look["planSummary"] for look in looks)
    assert sum(look["docsExamined"] for look in looks) == 1


async def test_nothing_of_it_is_in_the_log(
    owner: Owner, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.status = 500
    made = await owner.webhook(receiver, url=f"https://localhost:{receiver.port}/in?key=canary-4711")
    await owner.talk()
    await owner.pass_a_second()
    logged = "".join(capsys.readouterr())
    assert "webhook.postponed" in logged
    for word in ("canary-4711", made["secret"], "8472", "+14155550188"):
        assert word not in logged
