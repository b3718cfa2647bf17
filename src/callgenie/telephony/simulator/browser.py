"""The page of a call from the browser, as the simulator speaks for it: binary audio, and JSON texts beside it."""

import json
from collections.abc import Mapping, Sequence

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.audio.resample import QuickResampler
from callgenie.telephony.browser.messages import SAMPLE_RATE as PAGE_RATE
from callgenie.telephony.messages import CarrierProtocolError, Clear, Ignored, Mark, json_object, text_of
from callgenie.telephony.simulator.dialect import Heard
from callgenie.telephony.twilio.media import SAMPLE_RATE, Media


class BrowserDialect:
    """The messages of `docs/reference/web-calls.md`, seen from the page."""

    def __init__(self) -> None:
        self._outwards = QuickResampler(SAMPLE_RATE, PAGE_RATE)
        self._inwards = QuickResampler(PAGE_RATE, SAMPLE_RATE)

    def opening(self, parameters: Mapping[str, str]) -> Sequence[str | bytes]:
        """Return nothing: the ticket in the socket's address has said it all."""
        del parameters
        return []

    def audio(self, ulaw: bytes) -> Sequence[str | bytes]:
        """Take one frame of the caller's audio; return what is due to be sent."""
        return [self._outwards.push(ulaw_to_pcm(ulaw))]

    def mark(self, name: str) -> str:
        """Return the message that gives a mark back."""
        return json.dumps({"event": "mark", "name": name})

    def dtmf(self, digit: str) -> str:
        """Return the message that says which key was pressed."""
        return json.dumps({"event": "dtmf", "digit": digit})

    def stop(self) -> str:
        """Return the last message."""
        return json.dumps({"event": "hang-up"})

    def read(self, message: str | bytes) -> Heard:
        """Return what the other side wants, its audio as mu-law.

        Raises:
            CarrierProtocolError: It is not a message of the protocol.
        """
        if isinstance(message, bytes):
            return Media(pcm_to_ulaw(self._inwards.push(message)))
        event = json_object(message)
        match event.get("event"):
            case "mark":
                return Mark(text_of(event.get("name")))
            case "clear":
                return Clear()
            case "ready" | "partial" | "turn" | "ended":
                return Ignored()
            case _:
                raise CarrierProtocolError("That is no event of a call from the browser.")
