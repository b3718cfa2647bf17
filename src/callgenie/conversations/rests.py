"""The rest of a call: its caller was handed on, met nobody, and came back to the assistant.

The call itself is over by then, told to others and settled, and what is over is never changed. So the rest is a
conversation of its own that names the other one.
"""

from callgenie.conversations.models import Conversation, NewCall
from callgenie.kernel.ids import SessionId, digest_key


def rest_id_of(session_id: SessionId) -> SessionId:
    """Return what the rest of a call is called: always the same, however often the carrier asks."""
    return SessionId("RC" + digest_key(f"rest of {session_id}"))


def rest_of(call: Conversation) -> NewCall:
    """Return the rest of a call as it begins: between the same two, and after hours if the call was."""
    return NewCall(
        rest_id_of(call.session_id),
        call.carrier,
        call.phone_number,
        call.dialled_number,
        direction=call.direction,
        after_hours=bool(call.after_hours),
        caller_id=call.caller_id,
        purpose=call.purpose,
        continues=call.session_id,
    )
