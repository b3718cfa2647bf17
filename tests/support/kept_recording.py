"""A recorded call of somebody who signed up at the whole application, as far as the object store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.whole_app import WholeApi

from callgenie.calls.models import Admitted, IncomingCall
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import Carrier, EndedReason, Fault
from callgenie.recordings.models import Label
from callgenie.recordings.spill import SPILL_FOLDER, SpillFolder

NUMBER = "+14155550100"
CONVERSATIONS = "/api/user/conversations"
RATE = 8_000
# A session id as some carrier could make it.
CALL = "CA/1 ü"
PATH = f"{CONVERSATIONS}/CA%2F1%20%C3%BC"


@dataclass
class Kept:
    """A recorded call of a signed-in owner."""

    app: WholeApi
    folder: Path
    token: str
    user_id: UserId

    async def conversation(self) -> dict[str, Any]:
        shown = await self.app.call("GET", PATH, token=self.token)
        assert shown.status_code == 200, shown.text
        conversation: dict[str, Any] = shown.json()
        return conversation

    async def link(self) -> str:
        return str((await self.conversation())["audioUrl"])

    async def get(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        return await self.app.client.request(method, url, headers=headers)

    @property
    def sound(self) -> bytes:
        [file] = (self.folder / "recordings" / self.user_id).rglob("*.wav")
        return file.read_bytes()


async def recorded(
    app: WholeApi,
    folder: Path,
    *,
    seconds: int = 3,
    store: bool = True,
    email: str = "owner@example.com",
    number: str = NUMBER,
    registered: dict[str, Any] | None = None,
) -> Kept:
    registered = registered or await app.register(email)
    user_id = UserId(registered["user"]["id"])
    await app.whole.numbers.import_numbers([number])
    await app.call("POST", "/api/user/assign-phone", token=registered["accessToken"], json={"number": number})
    rung = await app.whole.desk.ring(IncomingCall(SessionId(CALL), Carrier.TWILIO, None, number, "ringing"))
    assert isinstance(rung, Admitted)
    call = await app.whole.desk.answer(SessionId(CALL), rung.media_token)
    label = Label(user_id, call.session_id, call.answered_at, RATE, 30)
    writer = SpillFolder(folder / SPILL_FOLDER).begin(label)
    await app.whole.recordings.states.begin(label)
    for second in range(seconds):
        writer.write(bytes([second, 16]) * RATE, bytes([16, second]) * RATE)
    await app.whole.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=3)
    writer.close()
    if store:
        await app.whole.recordings.uploads.round()
    return Kept(app, folder, str(registered["accessToken"]), user_id)
