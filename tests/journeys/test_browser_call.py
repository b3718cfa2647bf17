"""A real browser calls a real server: microphone in, recognition, an answer that is heard, and the record of it all."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.async_api import expect
from tests.support.browser import Visitor, visiting, write_microphone
from tests.support.embedded import speech
from tests.support.served_program import serving_program, url_of
from tests.support.word_errors import word_error_rate

from callgenie.cli.demo.owner import Owner

pytestmark = pytest.mark.browser

EMAIL, PASSWORD = "rosa@example.com", "correct horse battery"
QUESTION = "Good morning. Could you please tell me, do you deliver cakes?"
GREETING = "Hello, this is Harbour Bakery. How can I help you?"
ANSWER = "Yes, we deliver cakes inside the city. Delivery costs five pounds."
# No hours: it is open whenever this runs.
BUSINESS = {
    "company": "Harbour Bakery",
    "greeting": GREETING,
    "faq": [{"question": "Do you deliver cakes?", "answer": ANSWER}],
}
RATE = 16_000
# The microphone begins to play when it is opened; until then the greeting has been heard, or is interrupted.
QUIET_SECONDS = 8

# Whatever waits here waits for a machine that others keep busy as well.
PATIENCE_MS = 90_000


async def recording(folder: Path) -> Path:
    """Return a caller who is quiet for a while, asks, and is quiet from then on."""
    asked = np.frombuffer(await speech(QUESTION, sample_rate=RATE, voice="nanotts-en-gb"), "<i2")
    path = folder / "caller.wav"
    write_microphone(path, np.concatenate([np.zeros(RATE * QUIET_SECONDS, "<i2"), asked]), sample_rate=RATE)
    return path


async def ask(owner: Owner, url: str, method: str, path: str) -> Any:
    headers = {"Authorization": owner.authorization}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_MS / 1_000, trust_env=False) as http:
        answer = await http.request(method, path)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def turns_of(visitor: Visitor, role: str) -> list[str]:
    texts = await visitor.page.locator(f"#transcript li.{role}").all_inner_texts()
    # The first line says who speaks.
    return [text.split("\n", 1)[1] for text in texts]


async def test_a_question_is_asked_and_answered_in_the_browser(data_folder: Path, tmp_path: Path) -> None:
    says = await recording(tmp_path)
    with serving_program(data_folder) as server:
        url = await url_of(data_folder, server)
        async with Owner(url) as owner, visiting(says=says) as visitor:
            page = visitor.page
            await owner.sign_up(email=EMAIL, password=PASSWORD, name="Rosa")
            await owner.describe_business(BUSINESS)
            await visitor.sign_in(url, EMAIL, PASSWORD)
            await page.get_by_role("button", name="Start the call").click()
            answered = page.locator("#transcript li.assistant").filter(has_text=ANSWER)
            await expect(answered).to_be_visible(timeout=PATIENCE_MS)
            [running] = (await ask(owner, url, "GET", "/api/user/calls"))["data"]
            loud_moments = await visitor.loud_moments()
            await page.get_by_role("button", name="Hang up").click()
            await expect(page.locator("#state")).to_have_text("You hung up.", timeout=PATIENCE_MS)
            heard, said = await turns_of(visitor, "user"), await turns_of(visitor, "assistant")
            conversation = await owner.conversation(running["sessionId"])
            usage = await owner.usage()
    assert visitor.complaints == []
    assert word_error_rate([(QUESTION, " ".join(heard))]) <= 0.34
    assert said[-1] == ANSWER
    # Greeting and answer are some six seconds of speech; a busy browser looks at fewer moments of it.
    assert loud_moments > 20
    assert (conversation["carrier"], conversation["status"], conversation["endedReason"]) == (
        "browser",
        "completed",
        "caller-hangup",
    )
    kept = [turn for turn in conversation["turns"] if turn["role"] in {"user", "assistant"}]
    assert [turn["text"] for turn in kept if turn["role"] == "user"] == heard
    assert [turn["text"] for turn in kept if turn["role"] == "assistant"] == said
    assert usage["seconds"]["used"] == conversation["billableSeconds"] > 0
    assert usage["seconds"]["held"] == usage["calls"]["active"] == 0


async def test_the_page_says_what_is_wrong(data_folder: Path, tmp_path: Path) -> None:
    says = await recording(tmp_path)
    with serving_program(data_folder) as server:
        url = await url_of(data_folder, server)
        async with Owner(url) as owner:
            await owner.sign_up(email=EMAIL, password=PASSWORD, name="Rosa")
            async with visiting(says=None) as visitor:
                notice = visitor.page.get_by_role("alert")
                await visitor.sign_in(url, EMAIL, "not the password")
                await expect(notice).to_contain_text("e-mail", ignore_case=True)
                await visitor.sign_in(url, EMAIL, PASSWORD)
                await visitor.page.get_by_role("button", name="Start the call").click()
                await expect(notice).to_contain_text("The microphone was refused", timeout=PATIENCE_MS)
            # Without a microphone no call rang, not even for a moment.
            assert (await ask(owner, url, "GET", "/api/user/conversations"))["data"] == []
            async with visiting(says=says) as visitor:
                await visitor.sign_in(url, EMAIL, PASSWORD)
                await ask(owner, url, "POST", "/api/calls/web")
                await visitor.page.get_by_role("button", name="Start the call").click()
                notice = visitor.page.get_by_role("alert")
                await expect(notice).to_contain_text("As many calls as the plan allows", timeout=PATIENCE_MS)
                await expect(visitor.page.get_by_role("button", name="Start the call")).to_be_enabled()
