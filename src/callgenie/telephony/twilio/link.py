"""One call's audio over Twilio's Media Streams."""

from collections.abc import AsyncIterator

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.telephony import stream
from callgenie.telephony.socket import NORMAL_CLOSURE, POLICY_VIOLATION, TextSocket
from callgenie.telephony.twilio.media import (
    SAMPLE_RATE,
    Media,
    Started,
    clear_order,
    mark_order,
    media_order,
    read_message,
)
from callgenie.voice.ports import LinkEvent


async def receive_start(socket: TextSocket) -> Started:
    """Return the `start` message of a new socket.

    Raises:
        CarrierProtocolError: Something else came first, or nothing within five seconds.
        SocketClosedError: The socket was closed instead.
    """
    return await stream.receive_start(socket, read_message, Started)


class TwilioLink:
    """Implements `voice.ports.AudioLink` over a socket whose `start` was received."""

    sample_rate: int = SAMPLE_RATE
    can_transfer: bool = True

    def __init__(self, socket: TextSocket, stream_sid: str) -> None:
        self._stream_sid = stream_sid
        self._stream = stream.MediaStream(socket, stream_sid, read_message)

    def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends; `LinkClosed` is the last and always comes."""
        return self._stream.events(Media, _heard)

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the carrier, which plays it after what it already has. A closed link ignores it."""
        await self._stream.send(media_order(self._stream_sid, pcm_to_ulaw(pcm)))

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        await self._stream.send(mark_order(self._stream_sid, name))

    async def clear(self) -> None:
        """Throw away what the carrier has not played yet; all pending marks come back."""
        await self._stream.send(clear_order(self._stream_sid))

    async def close(self) -> None:
        """Let the caller go: Twilio asks the action of `<Connect>` what comes next."""
        await self._stream.close(NORMAL_CLOSURE)

    async def reject(self) -> None:
        """Close a stream that is broken, or that another has replaced."""
        await self._stream.close(POLICY_VIOLATION)


def _heard(media: Media) -> tuple[bytes]:
    return (ulaw_to_pcm(media.ulaw),)
