"""How calls are held."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings


def _origins(text: str) -> str:
    for origin in filter(None, map(str.strip, text.split(","))):
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("must be origins such as https://www.example.com, without a path, with commas between")
    return text


class CallSettings(BaseSettings):
    """How calls are held."""

    reply_after_silence_ms: int = Field(
        default=500,
        ge=200,
        le=3_000,
        validation_alias="REPLY_AFTER_SILENCE_MS",
        description="How long a caller must be quiet before we answer.",
    )
    max_call_seconds: int = Field(
        default=1_800,
        ge=30,
        le=14_400,
        validation_alias="MAX_CALL_SECONDS",
        description="The longest one call may last, whatever the plan allows.",
    )
    drain_seconds: int = Field(
        default=30,
        ge=0,
        le=3_600,
        validation_alias="DRAIN_SECONDS",
        description="How long a stopping server lets running calls finish.",
    )
    web_call_origins: Annotated[str, AfterValidator(_origins)] = Field(
        default="",
        validation_alias="WEB_CALL_ORIGINS",
        description="Origins beside PUBLIC_URL whose pages may open a call from the browser, with commas between, "
        "such as https://www.example.com.",
    )
