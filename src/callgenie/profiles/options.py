"""What can be chosen on this server."""

from collections.abc import Sequence
from dataclasses import dataclass

from callgenie.kernel.errors import FieldFault
from callgenie.profiles.errors import UnknownOptionError
from callgenie.profiles.models import PreferenceChanges


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """The ids of the voices, language models and languages that this server was put together with."""

    voices: Sequence[str]
    models: Sequence[str]
    languages: Sequence[str]

    def check(self, changes: PreferenceChanges) -> None:
        """Return if everything that is chosen is there.

        Raises:
            UnknownOptionError: Something is not; the fault lists what is.
        """
        chosen = (
            ("voiceModel", changes.get("voice_model"), self.voices),
            ("aiModel", changes.get("ai_model"), self.models),
            ("language", changes.get("language"), self.languages),
        )
        faults = [
            FieldFault(field, f"must be one of: {', '.join(there)}")
            for field, choice, there in chosen
            if choice is not None and choice not in there
        ]
        if faults:
            raise UnknownOptionError(faults)
