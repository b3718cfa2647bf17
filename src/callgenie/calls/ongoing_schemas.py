"""What the API takes and shows of calls in progress."""

from datetime import datetime
from typing import Self

from pydantic import Field

from callgenie.conversations.ongoing_store import OngoingCall
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.pages import LIMIT_DEFAULT, PageCursor, PageLimit
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction


class OngoingQuery(ApiModel):
    """Which page of them."""

    cursor: PageCursor | None = None
    limit: PageLimit = LIMIT_DEFAULT


class OngoingCallView(ApiView):
    """A call that rings or goes on."""

    session_id: str
    carrier: Carrier
    direction: Direction
    status: CallStatus
    phone_number: str | None = Field(description="The other party's; null when there is none, or it was withheld.")
    dialled_number: str | None
    started_at: datetime
    answered_at: datetime | None
    seconds: int | None = Field(description="Since it was answered; null while it rings.")
    granted_seconds: int = Field(description="How long it may last in all, as far as is granted by now.")

    @classmethod
    def of(cls, call: OngoingCall) -> Self:
        """Show a call."""
        conversation = call.conversation
        shown = {name: getattr(conversation, name) for name in cls.model_fields if name != "seconds"}
        return cls(**shown, seconds=call.seconds)
