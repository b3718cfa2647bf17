"""Who recognises speech, thinks and speaks, beside what is embedded."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

# An id of a model or a voice is its provider, a stroke and this, and the API takes ids of at most 100 characters.
_NAME_CHARACTERS_MAX: Final = 80
_NAMES_MAX: Final = 32


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://api.example.com/v1")
    return text


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a list such as `one, two`."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _names(text: str) -> str:
    names = names_in(text)
    if len(names) > _NAMES_MAX or any(len(name) > _NAME_CHARACTERS_MAX or not name.isprintable() for name in names):
        raise ValueError(f"must be at most {_NAMES_MAX} names with commas between them")
    return text


_WebAddress = Annotated[str, AfterValidator(_web_address)]
_Names = Annotated[str, AfterValidator(_names)]


class VoiceSettings(BaseSettings):
    """Who recognises speech, thinks and speaks, beside what is embedded."""

    provider_patience_ms: int = Field(
        default=2_500,
        ge=500,
        le=8_000,
        validation_alias="PROVIDER_PATIENCE_MS",
        description="How long a hosted provider may take to its first word or sound, before the next one is asked "
        "and finally the embedded one. A language model on a small machine of your own may need more.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OPENAI_API_KEY",
        description="The key to OpenAI; without it nothing of OpenAI can be chosen.",
    )
    openai_base_url: _WebAddress = Field(
        default="https://api.openai.com/v1",
        validation_alias="OPENAI_BASE_URL",
        description="Where OpenAI, or a proxy to it, is reached.",
    )
    openai_chat_models: _Names = Field(
        default="gpt-4.1-mini",
        validation_alias="OPENAI_CHAT_MODELS",
        description="The language models of OpenAI that owners can choose, with commas between them.",
    )
    groq_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="GROQ_API_KEY",
        description="The key to Groq; without it nothing of Groq can be chosen.",
    )
    groq_base_url: _WebAddress = Field(
        default="https://api.groq.com/openai/v1",
        validation_alias="GROQ_BASE_URL",
        description="Where Groq, or a proxy to it, is reached.",
    )
    groq_chat_models: _Names = Field(
        default="llama-3.3-70b-versatile",
        validation_alias="GROQ_CHAT_MODELS",
        description="The language models of Groq that owners can choose, with commas between them.",
    )
    chat_base_url: _WebAddress | None = Field(
        default=None,
        validation_alias="CHAT_BASE_URL",
        description="Any other server with OpenAI's chat completions interface, such as Ollama at "
        "http://localhost:11434/v1, vLLM or llama.cpp.",
    )
    chat_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="CHAT_API_KEY",
        description="The key to the server at CHAT_BASE_URL, if it wants one.",
    )
    chat_models: _Names = Field(
        default="",
        validation_alias="CHAT_MODELS",
        description="The language models of the server at CHAT_BASE_URL that owners can choose, with commas between "
        "them.",
    )
