"""The receivers of docs/how-to/receive-webhooks.md, run as they stand there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.outside import NODE
from tests.support.processes import output_of
from tests.support.webhook_receiver import Received, Receiver
from tests.webhooks.conftest import Owner

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/receive-webhooks.md"


def code(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


async def sent(owner: Owner, receiver: Receiver) -> tuple[str, Received]:
    made = await owner.webhook(receiver)
    rotated = (await owner.ask("POST", f"/{made['id']}/rotate-secret")).json()
    await owner.talk()
    await owner.pass_a_second()
    (received,) = receiver.received
    return rotated["secret"], received


async def test_the_python_receiver_takes_what_is_ours_and_nothing_else(owner: Owner, receiver: Receiver) -> None:
    secret, received = await sent(owner, receiver)
    names: dict[str, Any] = {}
    exec(code("python"), names)  # noqa: S102 -- the page's own code is what is tested
    verify, headers = names["verify"], received.headers
    assert verify(secret, headers, received.body)
    assert not verify(secret, headers, received.body + b" ")
    assert not verify("whsec_" + "A" * 43 + "=", headers, received.body)
    assert not verify(secret, {**headers, "webhook-id": "evt_other"}, received.body)
    assert not verify(secret, {**headers, "webhook-timestamp": "1700000000"}, received.body)
    assert not verify(secret, {**headers, "webhook-signature": "v2,x"}, received.body)


@pytest.mark.node
async def test_the_node_receiver_takes_what_is_ours_and_nothing_else(owner: Owner, receiver: Receiver) -> None:
    secret, received = await sent(owner, receiver)
    headers, body = json.dumps(dict(received.headers)), json.dumps(received.body.decode())
    script = f"""{code("javascript")}
    const body = Buffer.from({body}), headers = {headers};
    console.log(verify("{secret}", headers, body), verify("{secret}", headers, Buffer.concat([body, body])),
      verify("{secret}", {{...headers, "webhook-timestamp": "1700000000"}}, body));"""
    out = await output_of(str(NODE), "-e", script)
    assert out.split() == [b"true", b"false", b"false"]
