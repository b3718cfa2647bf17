"""How calls are held."""

from pydantic import Field
from pydantic_settings import BaseSettings


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
