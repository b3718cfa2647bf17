"""What calls hear, think and speak with."""

from typing import Final

from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.voice.providers.nanotts import VOICES

# What a user can choose among: the embedded providers, as long as there are no others.
OPTIONS: Final = VoiceOptions(voices=tuple(VOICES), models=(DEFAULT_MODEL,), languages=(DEFAULT_LANGUAGE,))
