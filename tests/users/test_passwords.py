import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import PASSWORD, PEPPER, Api, assert_problem, serving

from callgenie.users.errors import TooManySignInsError
from callgenie.users.passwords import PasswordHasher


@pytest.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    hasher = PasswordHasher(PEPPER, cost=4)
    yield hasher
    hasher.close()


async def test_the_right_password_is_right_and_no_other(hasher: PasswordHasher) -> None:
    stored = await hasher.hash(PASSWORD)
    assert (await hasher.verify(PASSWORD, stored)).right
    assert not (await hasher.verify(PASSWORD + " ", stored)).right
    assert not (await hasher.verify("", stored)).right
    assert not (await hasher.verify(PASSWORD, None)).right


async def test_the_same_password_is_kept_differently_each_time(hasher: PasswordHasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_a_stolen_hash_is_worth_nothing_without_the_pepper(hasher: PasswordHasher) -> None:
    stored = await hasher.hash(PASSWORD)
    thief = PasswordHasher("another pepper, as long as the true one is", cost=4)
    assert not (await thief.verify(PASSWORD, stored)).right
    thief.close()
    assert not bcrypt.checkpw(PASSWORD.encode(), stored.removeprefix("hmac-sha384:").encode())


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
@settings(max_examples=50)
def test_any_two_different_texts_are_different_passwords(one: str, other: str) -> None:
    hasher = PasswordHasher(PEPPER, cost=4)
    stored = hasher._hash(one)
    assert hasher._verify(one, stored).right
    assert hasher._verify(other, stored).right is (one == other)
    hasher.close()


async def test_bytes_after_the_72nd_and_after_a_nul_count(hasher: PasswordHasher) -> None:
    for password, other in (("p" * 72, "p" * 73), ("p" * 72 + "a", "p" * 72 + "b"), ("long\0enough", "long\0other")):
        stored = await hasher.hash(password)
        assert (await hasher.verify(password, stored)).right
        assert not (await hasher.verify(other, stored)).right


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_a_hash_of_the_node_version_is_upgraded_at_login(api: Api, prefix: bytes) -> None:
    await api.register()
    old = bcrypt.hashpw(b"password123", bcrypt.gensalt(4, prefix=prefix)).decode()
    await api.db["users"].update_one({}, {"$set": {"passwordHash": old}})

    assert_problem(await api.log_in(password="password124"), 401, "invalid_credentials")
    assert (await api.db["users"].find_one({}) or {})["passwordHash"] == old
    assert (await api.log_in(password="password123")).status_code == 200

    kept = (await api.db["users"].find_one({}) or {})["passwordHash"]
    assert kept.startswith("hmac-sha384:$2b$")
    assert (await api.log_in(password="password123")).status_code == 200
    assert (await api.db["users"].find_one({}) or {})["passwordHash"] == kept


async def test_a_long_password_of_the_node_version_still_opens(hasher: PasswordHasher) -> None:
    # Its bcrypt looked at 72 bytes, also of a longer password.
    old = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(4)).decode()
    assert (await hasher.verify("p" * 100, old)).right
    assert not (await hasher.verify("p" * 71, old)).right
    assert not (await hasher.verify("p" * 71 + "\0", old)).right


async def test_a_cheaper_hash_of_ours_is_upgraded_too(database: AsyncDatabase[dict[str, Any]]) -> None:
    async with serving(database, cost=4) as cheap:
        await cheap.register()
    async with serving(database, cost=5) as dear:
        assert (await dear.log_in()).status_code == 200
        assert (await database["users"].find_one({}) or {})["passwordHash"].startswith("hmac-sha384:$2b$05$")


async def test_more_than_the_queue_holds_are_asked_to_come_back(database: AsyncDatabase[dict[str, Any]]) -> None:
    async with serving(database, cost=8, waiting_max=4) as api:
        await api.register()
        answers = await asyncio.gather(*(api.log_in() for _ in range(30)))
        assert {answer.status_code for answer in answers} == {200, 503}
        served = [answer for answer in answers if answer.status_code == 200]
        assert len(served) >= 6
        for answer in answers:
            if answer.status_code == 503:
                assert_problem(answer, 503, "too_many_sign_ins")
                assert int(answer.headers["retry-after"]) >= 1
        assert (await api.log_in()).status_code == 200


async def test_a_client_that_goes_away_gives_its_place_back() -> None:
    hasher = PasswordHasher(PEPPER, cost=10, threads=1, waiting_max=1)
    running = asyncio.ensure_future(hasher.hash(PASSWORD))
    waiting = asyncio.ensure_future(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    with pytest.raises(TooManySignInsError):
        await hasher.hash(PASSWORD)
    waiting.cancel()
    await asyncio.sleep(0)
    again = asyncio.ensure_future(hasher.hash(PASSWORD))
    assert await running
    assert await again
    hasher.close()


async def test_the_loop_stays_free_while_passwords_are_hashed() -> None:
    hasher = PasswordHasher(PEPPER, cost=10)
    hashing = [asyncio.ensure_future(hasher.hash(PASSWORD)) for _ in range(20)]
    turns = 0
    while not all(task.done() for task in hashing):
        await asyncio.sleep(0.001)
        turns += 1
    hasher.close()
    # On the loop itself a hash would take one turn of it, and 50 ms. Turns are counted, for a busy machine is late too.
    assert turns > 3 * len(hashing)


@pytest.mark.parametrize("kept", [None, "ours", "node", "cheaper"])
async def test_a_wrong_password_takes_the_same_time_for_everybody(kept: str | None) -> None:
    cost = 8
    hasher = PasswordHasher(PEPPER, cost=cost)
    stored = {
        None: None,
        "ours": hasher._hash(PASSWORD),
        "node": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode(),
        "cheaper": "hmac-sha384:" + bcrypt.hashpw(b"x", bcrypt.gensalt(6)).decode(),
    }
    spent: dict[str | None, list[float]] = {None: [], kept: []}
    for _ in range(15):
        for which in (None, kept):
            start = time.thread_time()
            hasher._verify("wrong password", stored[which] or hasher._nobody)
            spent.setdefault(which, []).append(time.thread_time() - start)
    hasher.close()
    assert min(spent[kept]) == pytest.approx(min(spent[None]), rel=0.25)


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(database: AsyncDatabase[dict[str, Any]]) -> None:
    async with serving(database, cost=10) as api:
        await api.register()
        times: dict[str, list[float]] = {"owner@example.com": [], "nobody@example.com": []}
        for _ in range(12):
            for email, spent in times.items():
                # Of all threads: the hash has one of its own.
                start = time.process_time()
                assert (await api.log_in(email=email, password="wrong password")).status_code == 401
                spent.append(time.process_time() - start)
    known, unknown = (min(spent) for spent in times.values())
    # Without a hash for nobody, the unknown address is answered in a twentieth of the time. How alike the two really
    # are is measured on a quiet machine, and above by the time of the thread alone.
    assert 0.5 < unknown / known < 2
