"""TwiML: the XML that tells Twilio what to do with a call.

We write the few documents below, and read any that is made of their verbs, for the simulator.
See https://www.twilio.com/docs/voice/twiml
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, XMLParser, tostring

MEDIA_TYPE: Final = "application/xml"

# XML 1.0 has no way to write these, not even escaped; one of them in a company's name must not cost a call.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class TwimlError(Exception):
    """The text is not TwiML that can be followed."""


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a sentence with the carrier's own voice."""

    text: str


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """Open a media socket; once it is gone, ask `action` what to do, or without one go on with the next verb."""

    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    action: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """Put the caller through to a number; once that is over, ask `action` what to do.

    Attributes:
        timeout_seconds: How long it may ring.
        caller_id: What the other side sees; empty for the caller's own number.
    """

    number: str
    action: str = ""
    timeout_seconds: int = 30
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Verb = Say | ConnectStream | Dial | HangUp


def connect_stream(url: str, parameters: Mapping[str, str], *, action: str) -> str:
    """Return the document that connects the caller to our media socket, and asks `action` when that is gone.

    The parameters come back in the socket's `start` message; the socket's address itself may carry no query.
    """
    response = Element("Response")
    connect = SubElement(response, "Connect", {"action": _clean(action)})
    stream = SubElement(connect, "Stream", {"url": _clean(url)})
    for name, value in parameters.items():
        SubElement(stream, "Parameter", {"name": _clean(name), "value": _clean(value)})
    return _document(response)


def dial(dial: Dial) -> str:
    """Return the document that puts the caller through."""
    response = Element("Response")
    attributes = {"action": _clean(dial.action), "timeout": str(dial.timeout_seconds)}
    if dial.caller_id:
        attributes["callerId"] = _clean(dial.caller_id)
    SubElement(SubElement(response, "Dial", attributes), "Number").text = _clean(dial.number)
    return _document(response)


def hang_up() -> str:
    """Return the document that ends the call."""
    response = Element("Response")
    SubElement(response, "Hangup")
    return _document(response)


def say_and_hang_up(sentence: str) -> str:
    """Return the document that speaks a sentence and ends the call."""
    response = Element("Response")
    SubElement(response, "Say").text = _clean(sentence)
    SubElement(response, "Hangup")
    return _document(response)


def read(text: str) -> tuple[Verb, ...]:
    """Return the document's verbs.

    Raises:
        TwimlError: It is no XML, declares a document type, or holds something that cannot be followed.
    """
    # The target refuses document types, and with them every entity that could be declared.
    parser = XMLParser(target=_NoDoctype())  # noqa: S314 - see the line above
    try:
        parser.feed(text)
        response = parser.close()
    except ParseError as error:
        raise TwimlError(f"This is no XML: {error}.") from error
    if response.tag != "Response":
        raise TwimlError(f"TwiML starts with <Response>, not with <{response.tag}>.")
    return tuple(_verb(element) for element in response)


class _NoDoctype(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:  # noqa: ARG002 - expat's call
        raise TwimlError("TwiML declares no document type.")


def _verb(element: Element) -> Verb:
    if element.tag == "Say":
        return Say(element.text or "")
    if element.tag == "Hangup":
        return HangUp()
    if element.tag == "Connect":
        stream = element.find("Stream")
        if stream is not None and stream.get("url"):
            parameters = {part.get("name", ""): part.get("value", "") for part in stream.iterfind("Parameter")}
            return ConnectStream(stream.get("url", ""), parameters, element.get("action", ""))
    if element.tag == "Dial":
        return _dial(element)
    raise TwimlError(f"<{element.tag}> cannot be followed.")


def _dial(element: Element) -> Dial:
    number = element.findtext("Number") or (element.text or "").strip()
    seconds = element.get("timeout", "30")
    if not number or not seconds.isdecimal():
        raise TwimlError("<Dial> needs a <Number>, and its timeout is whole seconds.")
    return Dial(number, element.get("action", ""), int(seconds), element.get("callerId", ""))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _document(response: Element) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(response, encoding="unicode")
