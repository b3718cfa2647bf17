import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import PASSWORD
from tests.support.mailed import EMAIL, Mailed, mailed

NEW = "another good password"


@pytest.fixture
async def served(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Mailed]:
    async with mailed(database, verified_only=True) as mail:
        await mail.sign_up()
        yield mail


async def open_link(served: Mailed) -> tuple[str, httpx.Response]:
    """Open the link of the latest mail; return its path and the page."""
    await served.api.services.delivery.deliver()
    lines = served.letterbox.texts()[-1].splitlines()
    link = urlsplit(next(line for line in lines if "?token=" in line))
    return link.path, await served.api.call("GET", f"{link.path}?{link.query}")


def token_in(page: httpx.Response) -> str:
    return page.text.partition('name="token" value="')[2].partition('"')[0]


async def test_the_link_of_a_mail_leads_to_a_button_that_confirms_the_address(served: Mailed) -> None:
    path, page = await open_link(served)
    assert page.status_code == 200
    # Whoever looks through the mail has opened the link by now, and more than once.
    await open_link(served)
    assert (await served.api.log_in()).status_code == 403
    done = await served.api.call("POST", path, data={"token": token_in(page)})
    assert (done.status_code, "is confirmed" in done.text) == (200, True)
    assert (await served.api.log_in()).status_code == 200
    again = await served.api.call("POST", path, data={"token": token_in(page)})
    assert (again.status_code, "not valid any more" in again.text) == (400, True)


async def test_a_forgotten_password_is_replaced_on_the_page_of_its_link(served: Mailed) -> None:
    await served.post("forgot-password", email=EMAIL)
    path, page = await open_link(served)
    short = await served.api.call("POST", path, data={"token": token_in(page), "password": "short"})
    assert short.status_code == 422
    assert "at least 8 characters" in short.text
    done = await served.api.call("POST", path, data={"token": token_in(short), "password": f"{NEW} é&=+"})
    assert done.status_code == 200
    assert (await served.api.log_in(password=f"{NEW} é&=+")).status_code == 200
    assert (await served.api.log_in(password=PASSWORD)).status_code == 401


async def test_who_signs_up_again_is_led_to_a_new_password(served: Mailed) -> None:
    path, page = await open_link(served)
    await served.api.call("POST", path, data={"token": token_in(page)})
    await served.sign_up(password="a stranger's password")
    path, page = await open_link(served)
    assert served.letterbox.messages[-1]["Subject"] == "You have an account already"
    assert (path, page.status_code) == ("/reset-password", 200)
    done = await served.api.call("POST", path, data={"token": token_in(page), "password": NEW})
    assert done.status_code == 200
    assert (await served.api.log_in(password=NEW)).status_code == 200


async def test_pages_run_nothing_and_tell_nobody_their_address(served: Mailed) -> None:
    _, page = await open_link(served)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{known}'; form-action 'self';")
    assert "unsafe" not in policy
    assert "<script" not in page.text


async def test_what_stands_in_the_link_is_no_markup(served: Mailed) -> None:
    page = await served.api.call("GET", "/verify-email", params={"token": '"><script>alert(1)</script>'})
    assert page.status_code == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("body", [b"", b"token=%ff%fe", b"\xff\x00", b"&".join([b"a=b"] * 50), b'{"token": "x"}'])
@pytest.mark.parametrize("path", ["/verify-email", "/reset-password"])
async def test_what_is_no_form_is_answered_with_a_page(served: Mailed, path: str, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await served.api.call("POST", path, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
