"""What the doctor says about hosted providers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.serving import serving
from tests.support.vendors import elevenlabs
from tests.support.vendors.elevenlabs import ElevenLabs
from tests.support.vendors.openai import KEY, OpenAi

from callgenie.cli.doctor.models import Verdict
from callgenie.cli.doctor.providers import check_providers
from callgenie.settings import Settings

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(OpenAi(models=("one", "two")).app) as url:
        yield f"{url}/v1"


async def found(**settings: Any) -> list[tuple[Verdict, str, str]]:
    known = Settings(_env_file=None, data_dir=Path("unused"), **settings)
    return [(each.verdict, each.subject, each.sentence) async for each in check_providers(known)]


async def only(**settings: Any) -> tuple[Verdict, str, str]:
    (one,) = await found(**settings)
    return one


async def test_without_a_key_there_is_nothing_to_look_at() -> None:
    verdict, _, sentence = await only()
    assert verdict is Verdict.GOOD
    assert "embedded only" in sentence


async def test_a_server_that_answers_and_has_the_models_is_good(url: str) -> None:
    verdict, subject, sentence = await only(openai_api_key=KEY, openai_base_url=url, openai_chat_models="one,two")
    assert (verdict, subject) == (Verdict.GOOD, "openai")
    assert "one, two" in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"openai_api_key": "sk-wrong"}, "OPENAI_API_KEY"),
        ({"openai_base_url": NOWHERE}, "OPENAI_BASE_URL"),
        ({"openai_chat_models": "one,three"}, "does not have three. Change OPENAI_CHAT_MODELS"),
    ],
)
async def test_what_is_wrong_is_named_with_the_setting_that_mends_it(
    url: str, changes: dict[str, str], words: str
) -> None:
    given = {"openai_api_key": KEY, "openai_base_url": url, "openai_chat_models": "one", **changes}
    verdict, _, sentence = await only(**given)
    assert verdict is Verdict.BAD
    assert words in sentence
    assert "sk-wrong" not in sentence


async def test_an_address_that_is_one_step_off_is_told(url: str) -> None:
    verdict, _, sentence = await only(chat_base_url=url.removesuffix("/v1"), chat_models="one")
    assert verdict is Verdict.BAD
    assert "CHAT_BASE_URL" in sentence


async def test_a_server_without_models_to_choose_is_a_hint() -> None:
    async with serving(OpenAi(key=None).app) as url:
        verdict, _, sentence = await only(chat_base_url=f"{url}/v1")
    assert verdict is Verdict.HINT
    assert "CHAT_MODELS" in sentence


async def test_every_provider_has_a_line_of_its_own(url: str) -> None:
    async with serving(ElevenLabs().app) as other:
        lines = await found(
            openai_api_key=KEY,
            openai_base_url=url,
            openai_chat_models="one",
            groq_api_key=KEY,
            groq_base_url=NOWHERE,
            deepgram_api_key="k",
            deepgram_base_url=NOWHERE,
            elevenlabs_api_key=elevenlabs.KEY,
            elevenlabs_base_url=f"{other}/v1",
        )
    assert [(verdict.value, subject) for verdict, subject, _ in lines] == [
        ("good", "openai"),
        ("bad", "groq"),
        ("bad", "deepgram"),
        ("good", "elevenlabs"),
    ]


async def test_a_recogniser_without_its_key_is_told() -> None:
    lines = await found(stt_provider="deepgram")
    assert lines[0][0] is Verdict.BAD
    assert "DEEPGRAM_API_KEY is not set" in lines[0][2]


async def test_piper_that_is_wanted_and_not_there_is_told(tmp_path: Path) -> None:
    lines = await found(piper="on", piper_model=tmp_path / "no.onnx")
    assert lines[0][0] is Verdict.BAD
    assert "piper" in lines[0][1]
