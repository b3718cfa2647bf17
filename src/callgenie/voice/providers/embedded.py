"""Puts together the providers that need no key and no network."""

from collections.abc import Callable
from pathlib import Path

from callgenie.understanding.reader import UtteranceReader
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.cached_speech import CachedSpeech
from callgenie.voice.providers.faq import FaqModel
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.silero import SileroDetector
from callgenie.voice.providers.whisper import WhisperSpeechToText
from callgenie.voice.providers.workers import Workers, compute_in_one_thread


def load_embedded_providers(
    models_dir: Path | None = None, progress: Callable[[str], None] | None = None
) -> VoiceProviders:
    """Load and check all embedded models; return them ready to use. Takes about a second: call it in a thread.

    Args:
        models_dir: Where the operator keeps models, each in a folder of its name; None for those of the wheels.
        progress: Is told what is loaded next.

    Raises:
        VoiceModelMissingError: A model is not installed.
        VoiceModelDamagedError: A file is not the one we know.
    """
    tell = progress or (lambda _: None)
    compute_in_one_thread()
    workers = Workers()
    tell("speech detection (Silero)")
    vad = SileroDetector(models_dir)
    tell("speech recognition (Whisper tiny.en)")
    stt = WhisperSpeechToText(workers, models_dir)
    tell("understanding (MiniLM, acts and judge)")
    model = FaqModel(UtteranceReader())
    tell("speech (SVOX Pico)")
    tts = CachedSpeech(NanoTextToSpeech(workers, models_dir))
    return VoiceProviders(vad=vad, stt=stt, model=model, tts=tts)
