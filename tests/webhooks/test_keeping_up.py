"""What keeps webhooks up with the calls: nothing is named for nobody, and who takes events gets several at a time."""

import asyncio
import json

from tests.support.certificates import Authority
from tests.support.webhook_receiver import Receiver, receiving
from tests.webhooks.conftest import Owner

from callgenie.webhooks.sending import SLOTS_OF_AN_ENDPOINT


async def test_what_nobody_listens_to_leaves_nothing_to_be_done(owner: Owner, receiver: Receiver) -> None:
    conversations = owner.api.db["conversations"]
    await owner.talk("s-before", duration=1)
    assert [each["kind"] for each in (await conversations.find_one({}) or {})["followUps"]] == ["analysis"]
    made = await owner.webhook(receiver, events=["call.started"])
    await owner.talk("s-other", duration=1)
    changed = await owner.ask("PATCH", f"/{made['id']}", json={"events": ["call.ended"]})
    assert changed.status_code == 200
    await owner.talk("s-after", duration=1)
    await owner.pass_a_second()
    assert [json.loads(each.body)["data"]["sessionId"] for each in receiver.received] == ["s-after"]
    switched_off = await owner.ask("PATCH", f"/{made['id']}", json={"enabled": False})
    assert switched_off.status_code == 200
    await owner.talk("s-late", duration=1)
    await owner.api.whole.analyses.work()
    assert await conversations.count_documents({"followUps": {"$exists": True}}) == 0
    deleted = await owner.ask("DELETE", f"/{made['id']}")
    assert deleted.status_code == 204
    await owner.talk("s-last", duration=1)
    assert await conversations.count_documents({"followUps.kind": "call.ended"}) == 0


async def test_an_endpoint_that_takes_what_it_is_sent_is_sent_a_few_at_a_time(
    owner: Owner, authority: Authority
) -> None:
    async with receiving(Receiver(hangs_after=3), tls=authority.server("localhost")) as stuck:
        await owner.webhook(stuck, events=["call.ended"])
        for number in range(12):
            await owner.talk(f"s-{number}", duration=1)
        await owner.api.whole.follow_ups.work()
        running = asyncio.ensure_future(owner.api.whole.webhook_room.sender.run())
        while len(stuck.received) < 3 + SLOTS_OF_AN_ENDPOINT:
            stuck.seen.clear()
            await stuck.seen.wait()
        # Whoever sent more than that would have done so by now.
        await owner.talk("s-late", duration=1)
        await owner.api.whole.follow_ups.work()
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert len({received.id for received in stuck.received}) == len(stuck.received) == 3 + SLOTS_OF_AN_ENDPOINT


async def test_an_endpoint_that_begins_to_fail_is_sent_one_at_a_time_again(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver, events=["call.ended"])
    for number in range(12):
        await owner.talk(f"s-{number}", duration=1)
    await owner.api.whole.follow_ups.work()
    receiver.statuses = [200, 200, 200]
    receiver.status = 500
    await owner.api.whole.webhook_room.sender.deliver()
    # What was under way when the first one failed was tried; nothing more until the endpoint has rested.
    tried = len(receiver.received)
    assert 4 <= tried <= 3 + 2 * SLOTS_OF_AN_ENDPOINT
    receiver.open_most = 0
    await owner.api.whole.webhook_room.sender.deliver()
    assert (len(receiver.received), receiver.open_most) == (tried + 1, 1)
    assert len([each for each in await owner.deliveries(made) if each["state"] == "delivered"]) == 3
