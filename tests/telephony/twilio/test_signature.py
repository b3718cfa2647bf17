"""Signatures, judged by Twilio's own library."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from callgenie.telephony.twilio.signature import is_signed, is_upgrade_signed, sign

TOKEN = "12345"
URL = "https://calls.example.com/api/telephony/twilio/voice?foo=1&bar=2"
WORDS = st.text(string.ascii_letters + string.digits + "+ é漢", max_size=12)
FORM = st.dictionaries(WORDS.filter(bool), WORDS, max_size=8)


def oracle() -> Any:
    return RequestValidator(TOKEN)


@given(FORM)
def test_twilio_accepts_what_we_sign(form: dict[str, str]) -> None:
    assert oracle().validate(URL, form, sign(TOKEN, URL, form.items()))


@given(FORM)
def test_we_accept_what_twilio_signs(form: dict[str, str]) -> None:
    assert is_signed(TOKEN, oracle().compute_signature(URL, form), URL, form.items())


def test_the_documented_example_has_the_documented_signature() -> None:
    url = "https://example.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    assert sign("12345", url, form.items()) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://calls.example.com:443/voice", "https://calls.example.com/voice"),
        ("https://calls.example.com/voice", "https://calls.example.com:443/voice"),
        ("http://calls.example.com:80/voice", "http://calls.example.com/voice"),
        ("http://calls.example.com/voice", "http://calls.example.com:8080/voice"),
        ("http://[::1]/voice", "http://[::1]:4000/voice"),
        ("wss://calls.example.com:443/media", "wss://calls.example.com/media"),
    ],
)
def test_a_port_may_be_signed_or_left_out(signed: str, seen: str) -> None:
    assert is_signed(TOKEN, oracle().compute_signature(signed, {}), seen)


def test_a_parameter_with_several_values_counts_with_each_of_them_sorted() -> None:
    pairs = [("To", "b"), ("To", "a"), ("To", "b"), ("From", "c")]
    assert sign(TOKEN, URL, pairs) == sign(TOKEN, URL, [("From", "c"), ("To", "a"), ("To", "b")])


@pytest.mark.parametrize("signature", ["", "x", "é", "\udcff", "L/OH5YylLD5NRKLltdqwSvS0BnU="])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    assert not is_signed(TOKEN, signature, URL, [("CallSid", "CA1")])


@pytest.mark.parametrize("change", ["url", "value", "name", "token", "more"])
def test_a_signature_for_something_else_is_refused(change: str) -> None:
    signature = sign(TOKEN, URL, [("CallSid", "CA1")])
    url = URL + ("&more" if change == "url" else "")
    token = TOKEN + ("6" if change == "token" else "")
    pair = {"value": ("CallSid", "CA2"), "name": ("Callsid", "CA1")}.get(change, ("CallSid", "CA1"))
    pairs = [pair, ("To", "+1")] if change == "more" else [pair]
    assert not is_signed(token, signature, url, pairs)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_upgrade_may_be_signed_with_a_slash_at_its_end(end: str) -> None:
    url = "wss://calls.example.com/media"
    assert is_upgrade_signed(TOKEN, oracle().compute_signature(url + end, {}), url)


def test_an_upgrade_signed_as_a_plain_request_is_refused() -> None:
    signature = sign(TOKEN, "https://calls.example.com/media")
    assert not is_upgrade_signed(TOKEN, signature, "wss://calls.example.com/media")
