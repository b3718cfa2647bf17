"""Who follows a call while it is held, beside what keeps its record."""

from dataclasses import replace
from typing import Final, Protocol

from callgenie.voice.ports import SpeechStream, SpeechToText, Transcript, VoiceProviders
from callgenie.voice.session import SessionListener
from callgenie.voice.turn import SessionEnd, Turn


class CallFollower(Protocol):
    """Hears what is said as it is said. Never waits and never fails, for it stands in the call's way."""

    def turn_finished(self, turn: Turn) -> None:
        """Take a finished turn of either side; they come in order, each once."""
        ...

    def partial_heard(self, text: str) -> None:
        """Take what the caller seems to have said so far in the turn that goes on; it may still change."""
        ...

    def call_ended(self, end: SessionEnd) -> None:
        """Take how the call ended; nothing follows."""
        ...


class _Nobody:
    def turn_finished(self, turn: Turn) -> None:
        pass

    def partial_heard(self, text: str) -> None:
        pass

    def call_ended(self, end: SessionEnd) -> None:
        pass


NO_FOLLOWER: Final = _Nobody()


class FollowedListener:
    """Implements `voice.session.SessionListener`: the follower hears a turn first, as keeping it may take a while."""

    def __init__(self, listener: SessionListener, follower: CallFollower) -> None:
        self._listener = listener
        self._follower = follower

    async def turn_finished(self, turn: Turn) -> None:
        """Tell both."""
        self._follower.turn_finished(turn)
        await self._listener.turn_finished(turn)


def followed(providers: VoiceProviders, follower: CallFollower) -> VoiceProviders:
    """Return providers whose recognition the follower hears."""
    if follower is NO_FOLLOWER:
        return providers
    return replace(providers, stt=_FollowedSpeechToText(providers.stt, follower))


class _FollowedSpeechToText:
    def __init__(self, stt: SpeechToText, follower: CallFollower) -> None:
        self._stt = stt
        self._follower = follower

    def open(self, *, sample_rate: int, language: str) -> SpeechStream:
        return _FollowedStream(self._stt.open(sample_rate=sample_rate, language=language), self._follower)


class _FollowedStream:
    def __init__(self, stream: SpeechStream, follower: CallFollower) -> None:
        self._stream = stream
        self._follower = follower
        self.push = stream.push
        self.reset = stream.reset
        self.close = stream.close

    async def transcribe(self) -> Transcript:
        heard = await self._stream.transcribe()
        if heard.text:
            self._follower.partial_heard(heard.text)
        return heard
