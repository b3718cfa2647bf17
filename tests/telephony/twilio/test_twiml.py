"""TwiML, compared with what Twilio's own library writes."""

from typing import Any
from xml.etree.ElementTree import canonicalize

import pytest
from twilio.twiml.voice_response import Connect, VoiceResponse

from callgenie.telephony.twilio.twiml import (
    ConnectStream,
    Dial,
    HangUp,
    Say,
    TwimlError,
    connect_stream,
    dial,
    hang_up,
    read,
    say_and_hang_up,
)

NASTY = 'Müller & Söhne <script>"it\'s" ]]> 漢字'


def same(ours: str, theirs: Any) -> bool:
    return canonicalize(ours) == canonicalize(str(theirs))


def test_connecting_a_stream_is_written_as_twilio_writes_it() -> None:
    connect = Connect(action="https://calls.example.com/next?stream=1&x")
    stream = connect.stream(url="wss://calls.example.com/media")
    stream.parameter(name="token", value=NASTY)
    theirs = VoiceResponse()
    theirs.append(connect)
    ours = connect_stream(
        "wss://calls.example.com/media", {"token": NASTY}, action="https://calls.example.com/next?stream=1&x"
    )
    assert same(ours, theirs)


def test_putting_a_caller_through_is_written_as_twilio_writes_it() -> None:
    theirs = VoiceResponse()
    theirs.dial(action="https://calls.example.com/over?a=1&b", timeout=25, caller_id="+14155550100").number(
        "+14155550123"
    )
    ours = dial(Dial("+14155550123", "https://calls.example.com/over?a=1&b", 25, "+14155550100"))
    assert same(ours, theirs)
    assert read(ours) == (Dial("+14155550123", "https://calls.example.com/over?a=1&b", 25, "+14155550100"),)
    assert read("<Response><Dial>+14155550123</Dial></Response>") == (Dial("+14155550123"),)


def test_a_spoken_refusal_is_written_as_twilio_writes_it() -> None:
    theirs = VoiceResponse()
    theirs.say(NASTY)
    theirs.hangup()
    assert same(say_and_hang_up(NASTY), theirs)


def test_what_we_write_reads_back_as_what_was_meant() -> None:
    assert read(say_and_hang_up(NASTY)) == (Say(NASTY), HangUp())
    assert read(connect_stream("wss://x/m", {"token": NASTY, "b": ""}, action="https://x/n")) == (
        ConnectStream("wss://x/m", {"token": NASTY, "b": ""}, "https://x/n"),
    )
    assert read(hang_up()) == (HangUp(),)


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    assert read(say_and_hang_up("a\x00b\x0bc\ud800d\uffffe")) == (Say("abcde"), HangUp())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<Response><Say>open",
        "<Answer/>",
        "<Response><Dial/></Response>",
        "<Response><Dial timeout='soon'>+14155550123</Dial></Response>",
        "<Response><Play>https://example.com/x.mp3</Play></Response>",
        "<Response><Connect/></Response>",
        '<!DOCTYPE Response SYSTEM "http://example.com/x.dtd"><Response/>',
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Response><Say>&b;</Say></Response>',
    ],
)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(TwimlError):
        read(text)
