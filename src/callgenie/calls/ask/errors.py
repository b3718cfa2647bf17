"""Refusals to questions by text."""

from callgenie.kernel.errors import ConflictError, NotFoundError, UnavailableError


class TextConversationNotFoundError(NotFoundError):
    """There is no such conversation by text any more; it lasts less than an hour."""

    code = "text_conversation_not_found"

    def __init__(self) -> None:
        super().__init__("There is no conversation with this id any more. Ask without an id to begin a new one.")


class TextConversationBusyError(ConflictError):
    """Another question of the same conversation was answered meanwhile."""

    code = "text_conversation_busy"

    def __init__(self) -> None:
        super().__init__("Another question of this conversation was answered meanwhile. Ask this one again.")


class AssistantBusyError(UnavailableError):
    """Too many questions by text wait for an answer."""

    code = "assistant_busy"

    def __init__(self) -> None:
        super().__init__("Too many questions wait for an answer. Ask again in a moment.")


class AssistantUnavailableError(UnavailableError):
    """The language model gave no answer."""

    code = "assistant_unavailable"

    def __init__(self) -> None:
        super().__init__("The language model gave no answer. Ask again in a moment.")
