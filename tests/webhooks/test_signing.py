import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import WebhookVerificationError
from tests.support.accounts import JWT_SECRET
from tests.support.webhook_receiver import Receiver
from tests.webhooks.conftest import Owner

from callgenie.kernel.ids import UserId
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.models import Endpoint, EndpointFields
from callgenie.webhooks.signing import WebhookSecrets


async def test_a_signature_made_for_other_words_or_by_another_secret_does_not_hold(
    owner: Owner, receiver: Receiver
) -> None:
    made, other = (
        await owner.webhook(receiver, events=["call.ended"]),
        await owner.webhook(receiver, events=["call.started"]),
    )
    await owner.talk()
    await owner.pass_a_second()
    (received,) = receiver.received
    assert made["secret"] != other["secret"]
    with pytest.raises(WebhookVerificationError):
        received.verified(other["secret"])
    forged = type(received)(received.target, received.headers, received.body.replace(b"+1415", b"+1416"))
    with pytest.raises(WebhookVerificationError):
        forged.verified(made["secret"])


async def test_after_a_rotation_both_secrets_hold_for_a_day_and_then_one(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    rotated = (await owner.ask("POST", f"/{made['id']}/rotate-secret")).json()
    until = datetime.fromisoformat(rotated["previousSecretUntil"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    await owner.talk("s-1")
    await owner.pass_a_second()
    for secret in (made["secret"], rotated["secret"]):
        receiver.received[0].verified(secret)
    await owner.api.db["webhookendpoints"].update_one({}, [{"$set": {"overlapUntil": "$$NOW"}}])
    await owner.talk("s-2")
    await owner.pass_a_second()
    receiver.received[1].verified(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(made["secret"])


async def test_of_two_rotations_at_once_one_is_made(owner: Owner, receiver: Receiver) -> None:
    made = await owner.webhook(receiver)
    store = EndpointStore(owner.api.db)
    (found,) = await store.of_user(UserId(str((await owner.api.db["users"].find_one({}) or {})["_id"])))
    rotated = await asyncio.gather(*(store.rotate(found) for _ in range(5)))
    assert [each.generation for each in rotated if each is not None] == [2]
    assert (await owner.ask("GET", f"/{made['id']}")).json()["previousSecretUntil"] is not None


def test_a_secret_follows_from_the_server_s_the_endpoint_s_id_and_the_rotation() -> None:
    def endpoint(number: int, generation: int) -> Endpoint:
        fields, now = EndpointFields("https://example.com", ()), datetime.now(UTC)
        return Endpoint(f"{number:024x}", UserId("u"), fields, True, None, generation, None, None, now)

    def secret(server: str, number: int, generation: int) -> str:
        return WebhookSecrets(server).of(endpoint(number, generation))

    assert secret(JWT_SECRET, 1, 1) == secret(JWT_SECRET, 1, 1)
    assert (
        len({secret(JWT_SECRET, 1, 1), secret(JWT_SECRET, 1, 2), secret(JWT_SECRET, 2, 1), secret("other", 1, 1)}) == 4
    )
