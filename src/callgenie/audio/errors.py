"""How audio refuses."""

from callgenie.kernel.errors import InvalidError


class RecordingUnreadableError(InvalidError):
    """The file is not a WAV recording that can be read."""

    code = "recording_unreadable"
