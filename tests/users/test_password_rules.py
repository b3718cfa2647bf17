import json
from importlib import resources

import pytest

from callgenie.users.errors import PasswordTooCommonError, PasswordTooLongError, PasswordTooShortError
from callgenie.users.password_rules import check_password

EMAIL = "jane.miller@sunnydental.example"
NAME = "Jane Miller"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "password123",
        "P@ssw0rd!",
        "12345678",
        "1234567890",
        "87654321",
        "qwertyuiop",
        "QWERTY123!",
        "asdfghjk",
        "1q2w3e4r",
        "iloveyou2",
        "Welcome2026!",
        "letmein1",
        "aaaaaaaa",
        "abababab",
        "abc123abc123",
        "zyxwvuts",
        "jane.miller@sunnydental.example",
        "janemiller",
        "Jane-Miller-1",
        "Miller2026",
        "SunnyDental1!",
        "CallGenie",
        "call-genie-1",
        "Saathi123",
        "SaathiCallGenie",
    ],
)
def test_what_anybody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(PasswordTooCommonError):
        check_password(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "purple elephant dances",
        "miller's crooked windmill",
        "x7#Kp2!vQz",
        "p" * 72,
        "🔒🔑🗝️🚪🪟🧱🏠🏡",
        "        leading",
        "пароль не для всех",
        "callgenie knows no secrets",
        "S3cure-Passphrase!",
        "\ud800lone half a pair",
    ],
)
def test_a_password_of_ones_own_is_taken(password: str) -> None:
    check_password(password, email=EMAIL, name=NAME)


def test_the_limits_are_8_and_200_characters() -> None:
    with pytest.raises(PasswordTooShortError):
        check_password("x7#Kp2!", email=EMAIL, name=NAME)
    check_password("x7#Kp2!v", email=EMAIL, name=NAME)
    check_password("é7#Kp2!v" * 25, email=EMAIL, name=NAME)
    with pytest.raises(PasswordTooLongError):
        check_password("x7#Kp2!v" * 25 + "x", email=EMAIL, name=NAME)


def test_a_short_name_does_not_spoil_a_long_password() -> None:
    check_password("ann4829173650", email="ann@x.example", name="Ann")


def test_the_bundled_list_is_in_the_package_and_in_order() -> None:
    lists = json.loads(resources.files("callgenie.users").joinpath("common_passwords.json").read_text("utf-8"))
    assert len(lists["passwords"]) > 500
    assert all(len(password) >= 8 for password in lists["passwords"])
    for entries in lists.values():
        assert entries == sorted({entry.casefold() for entry in entries})
