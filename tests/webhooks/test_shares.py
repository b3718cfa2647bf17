"""No user takes the places of a process from the others."""

import asyncio

from tests.support.certificates import Authority
from tests.support.webhook_receiver import Receiver, receiving
from tests.webhooks.conftest import Owner

from callgenie.kernel.ids import UserId
from callgenie.webhooks.delivery_store import DeliveryStore
from callgenie.webhooks.sending import SLOTS_OF_A_USER


async def test_users_whose_receivers_all_hang_hold_their_share_and_nobody_elses(
    owner: Owner, receiver: Receiver, authority: Authority
) -> None:
    async with receiving(Receiver(hangs=True), tls=authority.server("localhost")) as stuck:
        for name in ("ann", "ben", "cem", "dan"):
            hanging = Owner(owner.api, (await owner.api.register(f"{name}@example.com"))["accessToken"])
            for _ in range(8):
                await hanging.webhook(stuck, events=["call.ended"])
            await hanging.talk(f"s-{name}", duration=1)
        await owner.api.whole.follow_ups.work()
        running = asyncio.ensure_future(owner.api.whole.webhook_room.sender.run())
        while stuck.open < 4 * SLOTS_OF_A_USER:
            stuck.seen.clear()
            await stuck.seen.wait()
        await owner.webhook(receiver, events=["call.ended"])
        await owner.talk()
        await owner.api.whole.follow_ups.work()
        await receiver.seen.wait()
        assert stuck.open_most == 4 * SLOTS_OF_A_USER
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_those_who_have_their_share_are_passed_over_without_being_read(owner: Owner, receiver: Receiver) -> None:
    registered = await owner.api.register("other@example.com")
    other = Owner(owner.api, registered["accessToken"])
    await other.webhook(receiver, events=["call.ended"])
    for number in range(10):
        await other.talk(f"o-{number}", duration=1)
    await other.pass_a_second()
    await owner.webhook(receiver, events=["call.ended"])
    for number in range(10):
        await owner.talk(f"s-{number}", duration=1)
    await owner.api.whole.follow_ups.work()
    await other.talk("o-late", duration=1)
    await other.api.whole.follow_ups.work()
    db = owner.api.db
    waiting = await db["webhookdeliveries"].find_one({"sessionId": "s-0"})
    assert waiting is not None
    await db.command({"profile": 2})
    try:
        due = await DeliveryStore(db).due(10, except_users=[UserId(str(waiting["userId"]))])
        (look,) = await db["system.profile"].find({"command.find": "webhookdeliveries"}).to_list()
    finally:
        await db.command({"profile": 0})
        await db.drop_collection("system.profile")
    assert [each.user_id for each in due] == [registered["user"]["id"]]
    assert look["docsExamined"] == 1
