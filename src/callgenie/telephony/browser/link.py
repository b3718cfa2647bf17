"""One call's audio over a web socket that a page has opened, and what the page is told beside it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final

import structlog

from callgenie.kernel.clock import Clock
from callgenie.kernel.vocabulary import TurnRole
from callgenie.telephony.browser.allowance import Allowance
from callgenie.telephony.browser.messages import (
    BYTES_A_SECOND,
    SAMPLE_RATE,
    clear_event,
    ended_event,
    mark_event,
    partial_event,
    read_audio,
    read_message,
    ready_event,
    turn_event,
)
from callgenie.telephony.messages import CarrierProtocolError, Dtmf, Mark, Stopped
from callgenie.telephony.socket import GOING_AWAY, NORMAL_CLOSURE, POLICY_VIOLATION, MixedSocket, SocketClosedError
from callgenie.telephony.stream import GARBAGE_MESSAGES_MAX, GARBAGE_RECEIVED, GARBAGE_TOLERATED
from callgenie.voice.ports import AudioReceived, DigitPressed, LinkClosed, LinkEvent, MarkReached
from callgenie.voice.turn import SessionEnd, Turn

_log = structlog.get_logger(__name__)

PAGE_TOO_SLOW: Final = "carrier.page_too_slow"

# A microphone's clock may be a little fast. A network that stood still for seconds delivers them all at once.
_AUDIO_A_SECOND: Final = BYTES_A_SECOND * 1.1
_AUDIO_BURST: Final = BYTES_A_SECOND * 10
# A page sends a text for each of our sentences and for each key: this is far above both.
_TEXTS_A_SECOND: Final = 20
_TEXTS_BURST: Final = 200

# Speech is sent as it is to be heard, so what waits here waits for the network. After five seconds of it nobody would
# understand the rest, and a call that cannot be heard is not worth its minutes.
_UNSENT_BYTES_MAX: Final = BYTES_A_SECOND * 5
_UNSENT_MESSAGES_MAX: Final = 1_000

_FINISH_SECONDS_MAX: Final = 2.0

# What a page that is closed, or goes elsewhere, closes its socket with.
_CALLER_LEFT: Final = frozenset({NORMAL_CLOSURE, GOING_AWAY})

# What the model's tools say among themselves is nothing to be shown.
_SHOWN: Final = frozenset({TurnRole.USER, TurnRole.ASSISTANT})


class BrowserLink:
    """Implements `voice.ports.AudioLink`, and tells the page what is said and how the call ends.

    Sending never waits: messages queue up here, bounded, and `run` sends them. Hung up, the link carries no more audio,
    but the page still hears of the last words and of the end, until `finish`.
    """

    sample_rate: int = SAMPLE_RATE
    can_transfer: bool = False

    def __init__(self, socket: MixedSocket, clock: Clock) -> None:
        self._socket = socket
        self._audio = Allowance(clock, per_second=_AUDIO_A_SECOND, burst=_AUDIO_BURST)
        self._texts = Allowance(clock, per_second=_TEXTS_A_SECOND, burst=_TEXTS_BURST)
        self._unsent: deque[str | bytes] = deque([ready_event()])
        self._unsent_bytes = 0
        self._something = asyncio.Event()
        self._something.set()
        self._sent = asyncio.Event()
        self._closed = False
        self._gone = False
        self._code = NORMAL_CLOSURE
        self._turns = 0

    # The caller's audio

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the page sends; `LinkClosed` is the last and always comes."""
        garbage = 0
        while garbage < GARBAGE_MESSAGES_MAX and self._code != POLICY_VIOLATION:
            try:
                for event in self._read(await self._socket.receive_message()):
                    yield event
                    if isinstance(event, LinkClosed):
                        return
            except CarrierProtocolError as error:
                garbage += 1
                _log.warning(GARBAGE_RECEIVED, error=str(error))
            except SocketClosedError as error:
                self._gone = True
                yield LinkClosed(clean=self._closed or error.code in _CALLER_LEFT)
                return
        if garbage >= GARBAGE_MESSAGES_MAX:
            _log.error(GARBAGE_TOLERATED)
            self._code = POLICY_VIOLATION
        yield LinkClosed(clean=False)

    def _read(self, message: str | bytes) -> Iterator[LinkEvent]:
        if isinstance(message, bytes):
            frames = read_audio(message)
            if not self._audio.take(len(message)):
                raise CarrierProtocolError("Audio comes faster than it can have been spoken.")
            yield from map(AudioReceived, frames)
            return
        if not self._texts.take(1):
            raise CarrierProtocolError("Messages come faster than any page has to say something.")
        match read_message(message):
            case Mark(name):
                yield MarkReached(name)
            case Dtmf(digit):
                yield DigitPressed(digit)
            case Stopped():
                yield LinkClosed(clean=True)
            case _:
                pass

    # Our audio

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the page, which plays it after what it already has. A closed link ignores it."""
        if not self._closed:
            self._put(pcm)

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        if not self._closed:
            self._put(mark_event(name))

    async def clear(self) -> None:
        """Throw away what the page has not played yet, and what has not even been sent; all pending marks come back."""
        if not self._closed:
            self._drop_audio()
            self._put(clear_event())

    async def close(self) -> None:
        """Hang up: no more audio. Closing twice is harmless."""
        self._closed = True
        self._drop_audio()

    # What the page is told: `calls.followers.CallFollower`

    def turn_finished(self, turn: Turn) -> None:
        """Show a finished turn."""
        if turn.role in _SHOWN:
            self._turns += 1
            self._put(turn_event(self._turns, turn))

    def partial_heard(self, text: str) -> None:
        """Show what the caller seems to say."""
        self._put(partial_event(text))

    def call_ended(self, end: SessionEnd) -> None:
        """Show why the call is over."""
        self._put(ended_event(end))

    # The socket

    async def run(self) -> None:
        """Send what is to be sent, until cancelled or nobody is there to receive it."""
        try:
            while True:
                await self._something.wait()
                while self._unsent:
                    await self._send(self._unsent[0])
                self._something.clear()
                self._sent.set()
        except SocketClosedError:
            self._gone = True
            self._sent.set()

    async def finish(self) -> None:
        """Send the rest, while somebody reads it, and close the socket."""
        try:
            async with asyncio.timeout(_FINISH_SECONDS_MAX):
                while self._unsent and not self._gone:
                    self._sent.clear()
                    await self._sent.wait()
                await self._socket.close(self._code)
        except TimeoutError:
            _log.warning(PAGE_TOO_SLOW, unsent_messages=len(self._unsent))

    async def _send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._socket.send_text(message)
        else:
            await self._socket.send_bytes(message)
        # Meanwhile it may have been dropped.
        if self._unsent and self._unsent[0] is message:
            self._take_first()

    def _put(self, message: str | bytes) -> None:
        if self._gone or self._code == POLICY_VIOLATION:
            return
        self._unsent.append(message)
        self._unsent_bytes += len(message)
        self._something.set()
        if self._unsent_bytes > _UNSENT_BYTES_MAX or len(self._unsent) > _UNSENT_MESSAGES_MAX:
            _log.error(PAGE_TOO_SLOW, unsent_messages=len(self._unsent))
            self._code = POLICY_VIOLATION
            self._drop_audio()

    def _take_first(self) -> None:
        self._unsent_bytes -= len(self._unsent.popleft())

    def _drop_audio(self) -> None:
        self._unsent = deque(message for message in self._unsent if isinstance(message, str))
        self._unsent_bytes = sum(map(len, self._unsent))
