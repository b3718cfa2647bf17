"""What calls can hear, think and speak with on this server, and which of it one call takes."""

from collections.abc import AsyncIterator, Collection, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import structlog

from callgenie.voice.ports import LanguageModel, SpeechToText, TextToSpeech, VoiceProviders

_log = structlog.get_logger(__name__)

CHOICE_GONE: Final = "voice.choice_gone"

T = TypeVar("T")


class VoiceCatalogue:
    """Finds the providers for a call, by the ids that owners choose by.

    All are shared by all calls: choosing costs two look-ups, and a call that chose differs from others in nothing.

    Args:
        embedded: What hears, thinks and speaks wherever nothing else was chosen.
        own_ids: The ids of voices and models that the embedded providers know by themselves.
        models: Other models, by id.
        voices: Other voices, by id; each speaks in that voice, whatever voice it is asked for.
        stt: What recognises speech in all calls, instead of the embedded one.
    """

    def __init__(
        self,
        embedded: VoiceProviders,
        *,
        own_ids: Collection[str] = (),
        models: Mapping[str, LanguageModel] = MappingProxyType({}),
        voices: Mapping[str, TextToSpeech] = MappingProxyType({}),
        stt: SpeechToText | None = None,
    ) -> None:
        self._embedded = embedded
        self._own_ids = frozenset(own_ids)
        self._models = models
        self._voices = voices
        self._stt = stt or embedded.stt

    @property
    def announcer(self) -> TextToSpeech:
        """What speaks to a caller whose call is refused, and who is nobody's caller yet."""
        return self._embedded.tts

    def choose(self, *, voice: str, model: str) -> VoiceProviders:
        """Return what a call whose owner wants this voice and this model is held with."""
        return VoiceProviders(
            vad=self._embedded.vad,
            stt=self._stt,
            model=self._find(self._models, "model", model, self._embedded.model),
            tts=self._find(self._voices, "voice", voice, self._embedded.tts),
        )

    def _find(self, there: Mapping[str, T], what: str, chosen: str, embedded: T) -> T:
        found = there.get(chosen)
        if found is None and chosen not in self._own_ids:
            # It was there when it was chosen; a call with another voice is better than none.
            _log.warning(CHOICE_GONE, what=what, chosen=chosen)
        return embedded if found is None else found


class OneVoice:
    """One voice of a provider: speaks in it, whatever voice it is asked for."""

    def __init__(self, tts: TextToSpeech, voice: str) -> None:
        self._tts = tts
        self._voice = voice

    def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`."""
        del voice
        return self._tts.stream(text, sample_rate=sample_rate, language=language, voice=self._voice)
