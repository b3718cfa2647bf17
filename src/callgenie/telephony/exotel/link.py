"""One call's audio over Exotel's Voicebot applet."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from callgenie.audio.resample import QuickResampler
from callgenie.telephony import stream
from callgenie.telephony.exotel.messages import (
    CHUNK_BYTES_MIN,
    CHUNK_BYTES_UNIT,
    Media,
    Started,
    clear_order,
    mark_order,
    media_order,
    read_message,
)
from callgenie.telephony.socket import NORMAL_CLOSURE, TextSocket
from callgenie.voice.ports import FRAME_MS, LinkEvent

# The telephone's own rate, at which speech is detected and recognised best. What Exotel adds above it is empty on most
# calls, and a detector of speech takes the emptiness for a reason to doubt.
SAMPLE_RATE: Final = 8_000
_FRAME_BYTES: Final = SAMPLE_RATE * 2 * FRAME_MS // 1_000

# How far ahead of the ear the last frame of a chunk is to be, so that a hiccup on the way is not heard.
_SPARE_MS: Final = 200


async def receive_start(socket: TextSocket) -> Started:
    """Return the `start` message of a new socket.

    Raises:
        CarrierProtocolError: Something else came first, or nothing within five seconds.
        SocketClosedError: The socket was closed instead.
    """
    return await stream.receive_start(socket, read_message, Started)


class ExotelLink:
    """Implements `voice.ports.AudioLink` over a socket whose `start` was received.

    Exotel wants audio in large pieces, and a sentence seldom ends with a whole one. So one piece is always held back:
    what is left at the end of a sentence goes with it, and only a single short word has to be filled up with silence.

    Attributes:
        lead_ms: How far ahead of the ear frames have to be given, for pieces to arrive in time.
    """

    sample_rate: int = SAMPLE_RATE
    can_transfer: bool = False

    def __init__(self, socket: TextSocket, started: Started) -> None:
        self._stream = stream.MediaStream(socket, started.stream_sid, read_message)
        self._stream_sid = started.stream_sid
        self._rate = started.sample_rate
        frame = started.sample_rate * 2 * FRAME_MS // 1_000
        self._chunk_bytes = -(-CHUNK_BYTES_MIN // frame) * frame
        self.lead_ms = 2 * self._chunk_bytes // frame * FRAME_MS + _SPARE_MS
        self._inwards = QuickResampler(started.sample_rate, SAMPLE_RATE)
        self._outwards = QuickResampler(SAMPLE_RATE, started.sample_rate)
        self._held = bytearray()
        self._begun = False

    def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what Exotel sends, audio frame by frame; `LinkClosed` is the last and always comes."""
        return self._stream.events(Media, self._heard)

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to Exotel as soon as there is enough of it. A closed link ignores it."""
        self._held += self._outwards.push(pcm)
        while len(self._held) >= self._chunk_bytes * (2 if self._begun else 1):
            self._begun = True
            await self._send_held(self._chunk_bytes)

    async def send_mark(self, name: str) -> None:
        """Hand over what is held back, and ask to be told when everything was played."""
        if self._held:
            size = max(len(self._held), CHUNK_BYTES_MIN)
            await self._send_held(-(-size // CHUNK_BYTES_UNIT) * CHUNK_BYTES_UNIT)
        self._begun = False
        await self._stream.send(mark_order(self._stream_sid, name))

    async def clear(self) -> None:
        """Throw away what is held back, here and at Exotel."""
        self._held.clear()
        self._begun = False
        self._outwards = QuickResampler(SAMPLE_RATE, self._rate)
        await self._stream.send(clear_order(self._stream_sid))

    async def close(self) -> None:
        """End the stream: Exotel goes on with the applet after the Voicebot, or hangs up."""
        await self._stream.close(NORMAL_CLOSURE)

    def _heard(self, media: Media) -> Iterator[bytes]:
        # A whole piece at once would be judged as one: an interruption would be noticed later.
        pcm = self._inwards.push(media.pcm)
        for at in range(0, len(pcm), _FRAME_BYTES):
            yield pcm[at : at + _FRAME_BYTES]

    async def _send_held(self, size: int) -> None:
        piece = bytes(self._held[:size]).ljust(size, b"\0")
        del self._held[:size]
        await self._stream.send(media_order(self._stream_sid, piece))
