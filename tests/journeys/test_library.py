"""The Python library does what its page in the README says."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest

from callgenie import UserService
from callgenie.conversations.errors import SessionConflictError
from callgenie.users.errors import EmailTakenError

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_s_snippet_runs_as_it_stands(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snippet = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert snippet is not None
    program = tmp_path / "snippet.py"
    program.write_text(snippet[1], encoding="utf-8")
    monkeypatch.setenv("CALLGENIE_DATA_DIR", str(data_folder))
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(program), run_name="__main__")
    assert printed.getvalue().splitlines() == [
        "SAATHI answers for John Doe",
        "1 of 10 calls, 30 of 1800 seconds used",
    ]


async def test_a_conversation_is_counted_once_however_often_it_is_saved(mongodb_uri: str, data_folder: Path) -> None:
    async with UserService.open(mongodb_uri=mongodb_uri, data_dir=data_folder) as users:
        user, profile = await users.create_user(
            email="twice@example.com", password="correct horse battery", name="Twice", phone="+1234567890"
        )
        assert profile.user_id == user.id
        for _ in range(3):
            saved = await users.save_conversation(
                user_id=user.id,
                phone_number="+1234567890",
                session_id="a.b$c/d",
                user_message="Hello SAATHI",
                ai_response="Hello! How can I help you today?",
                duration=30,
                status="completed",
            )
        usage = await users.check_usage_limits(user.id)
        conversation = await users.conversation(user.id, "a.b$c/d")
    assert saved.conversation.billable_seconds == 30
    assert (usage.standing.calls, usage.standing.seconds) == (1, 30)
    assert [turn.text for turn in conversation.turns] == ["Hello SAATHI", "Hello! How can I help you today?"]


async def test_a_used_up_plan_is_not_allowed_and_says_why(mongodb_uri: str, data_folder: Path) -> None:
    async with UserService.open(mongodb_uri=mongodb_uri, data_dir=data_folder) as users:
        user, _ = await users.create_user(email="full@example.com", password="correct horse battery", name="Full")
        saved = await users.save_conversation(
            user_id=user.id,
            phone_number="+1234567890",
            session_id="long",
            user_message="Hello",
            ai_response="Hello",
            duration=31 * 60,
            status="completed",
        )
        usage = await users.check_usage_limits(user.id)
    assert (saved.conversation.billable_seconds, saved.conversation.overage_seconds) == (1_800, 60)
    assert not usage.allowed
    assert usage.reason == "minute_limit_reached"


async def test_what_the_service_refuses_it_refuses_by_name(mongodb_uri: str, data_folder: Path) -> None:
    async with UserService.open(mongodb_uri=mongodb_uri, data_dir=data_folder) as users:
        user, _ = await users.create_user(email="once@example.com", password="correct horse battery", name="Once")
        with pytest.raises(EmailTakenError):
            await users.create_user(email=" Once@Example.com", password="correct horse battery", name="Again")

        async def save(phone_number: str) -> None:
            await users.save_conversation(
                user_id=user.id, phone_number=phone_number, session_id="one", user_message="Hello", ai_response="Hello"
            )

        await save("+1234567890")
        with pytest.raises(SessionConflictError):
            await save("+1234567891")
