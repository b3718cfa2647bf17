"""What is around Exotel's stream: the secret, status callbacks, and numbers."""

import base64
import json

import httpx
import pytest
from tests.telephony.exotel.test_messages import SAMPLES

from callgenie.telephony.exotel.numbers import e164_of
from callgenie.telephony.exotel.secret import basic_authorization, is_shown
from callgenie.telephony.exotel.status import StatusReport, read_status
from callgenie.telephony.messages import CarrierProtocolError

SECRET = "p@ss:wörd and more"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        (basic_authorization("me", SECRET), ""),
        (basic(":" + SECRET), "secret=wrong"),
        ("basic  " + basic(f"me:{SECRET}")[6:], ""),
        (basic("me:p%40ss%3Aw%C3%B6rd%20and%20more"), ""),
        ("", "a=b&secret=p%40ss%3Aw%C3%B6rd+and+more"),
        ("Bearer x", "secret=wrong&secret=p%40ss:w%C3%B6rd%20and%20more"),
    ],
)
def test_the_secret_is_shown_as_password_or_parameter(authorization: str, query: str) -> None:
    assert is_shown(SECRET, authorization=authorization, query=query)


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        ("", ""),
        ("Basic", ""),
        ("Basic !", ""),
        ("Basic /w==", ""),
        (basic(SECRET), ""),
        (basic(f"{SECRET}:"), ""),
        (basic(f"me:{SECRET} "), ""),
        ("Bearer " + basic(f"me:{SECRET}")[6:], ""),
        ("", "secret="),
        ("", "secret"),
        ("", "Secret=p%40ss:w%C3%B6rd%20and%20more"),
        ("", "secret=%ff"),
        ("", "&".join(f"a{i}=b" for i in range(40)) + "&secret=p%40ss:w%C3%B6rd%20and%20more"),
    ],
)
def test_anything_else_does_not_show_it(authorization: str, query: str) -> None:
    assert not is_shown(SECRET, authorization=authorization, query=query)


FIELDS = json.loads((SAMPLES / "status.json").read_text())
REPORT = StatusReport("80bfbec2d78bbbf10fb851f4fa165211", "completed")


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("POST", "http://x", data=FIELDS),
        httpx.Request("POST", "http://x", files={name: (None, value) for name, value in FIELDS.items()}),
        httpx.Request("POST", "http://x", json=FIELDS),
    ],
    ids=["form", "multipart", "json"],
)
def test_a_callback_is_understood_in_each_of_its_forms(request_: httpx.Request) -> None:
    assert read_status(request_.read(), request_.headers["content-type"]) == REPORT


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b"CallSid=abc", ""),
        (b"CallSid=&Status=completed", ""),
        (b"CallSid=a+b&Status=completed", ""),
        (b"CallSid=a&Status=" + b"x" * 600, ""),
        (b"\xff", ""),
        (b"&" * 1_000 + b"CallSid=a&Status=b", ""),
        (b"[]", "application/json"),
        (b"{" * 100_000, "application/json"),
        (b'{"CallSid": 5, "Status": "completed"}', "application/json"),
        (b"", "multipart/form-data"),
        (b"--x\r\n\r\n\xff\r\n--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_a_callback_that_names_no_call_is_a_protocol_error(body: bytes, content_type: str) -> None:
    with pytest.raises(CarrierProtocolError):
        read_status(body, content_type)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+918047491899", "+918047491899"),
        ("08047491899", "+918047491899"),
        ("0 80-4749 1899", "+918047491899"),
        ("918047491899", "+918047491899"),
        ("006561234567", "+6561234567"),
        ("+6561234567", "+6561234567"),
        ("", None),
        ("anonymous", None),
        ("0", None),
        ("12", None),
        ("sip:me@example.com", None),
        ("\u06608047491899", None),
    ],
)
def test_a_number_is_known_however_it_is_written(written: str, meant: str | None) -> None:
    assert e164_of(written, "91") == meant
