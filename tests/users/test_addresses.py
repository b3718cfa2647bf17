# ruff: noqa: RUF001 - letters that look like others are what this is about
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callgenie.users.addresses import canonical_email
from callgenie.users.errors import InvalidEmailError


@pytest.mark.parametrize(
    ("given_address", "canonical"),
    [
        ("owner@example.com", "owner@example.com"),
        ("  Owner.Name+Tag@EXAMPLE.com\n", "owner.name+tag@example.com"),
        ("ｏｗｎｅｒ@example.com", "owner@example.com"),
        ("owner@ｅｘａｍｐｌｅ．com", "owner@example.com"),
        ("ﬁona@example.com", "fiona@example.com"),
        ("owner@bücher.example", "owner@xn--bcher-kva.example"),
        ("owner@XN--BCHER-KVA.example", "owner@xn--bcher-kva.example"),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"),
        ("o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_all_spellings_of_an_address_become_one(given_address: str, canonical: str) -> None:
    assert canonical_email(given_address) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "owner",
        "@example.com",
        "owner@",
        "owner@@example.com",
        "a@b@example.com",
        "owner＠example.com",
        "owner﹫example.com",
        "own＠er@example.com",
        "owner@exa＠mple.com",
        "own er@example.com",
        "own\ner@example.com",
        "own\0er@example.com",
        "own\u200ber@example.com",
        "\ud800@example.com",
        ".owner@example.com",
        "owner.@example.com",
        "ow..ner@example.com",
        '"owner"@example.com',
        "owner(me)@example.com",
        "Jane <owner@example.com>",
        "owner@example",
        "owner@example..com",
        "owner@example.com.",
        "owner@-example.com",
        "owner@exam_ple.com",
        "owner@127.0.0.1",
        "owner@[127.0.0.1]",
        "owner@xn--a.com",
        "a" * 65 + "@example.com",
        "é" * 33 + "@example.com",
        "owner@" + "a" * 64 + ".com",
        "owner@" + ".".join(["a" * 60] * 5) + ".com",
    ],
)
def test_what_no_mail_could_be_sent_to_is_refused(text: str) -> None:
    with pytest.raises(InvalidEmailError):
        canonical_email(text)


@given(st.text(max_size=30), st.text(max_size=30))
@example("İ", "example.com")
@example("ϓ", "example.com")
@example("ſ", "ß.de")
def test_a_canonical_address_is_its_own_canonical_address(local: str, domain: str) -> None:
    for text in (f"{local}@{domain}", f"{local}@{domain}.com", f"{local}@example.com"):
        try:
            canonical = canonical_email(text)
        except InvalidEmailError:
            continue
        assert canonical_email(canonical) == canonical
        assert canonical.count("@") == 1
