"""Mails owners the messages that callers leave."""

from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import quote

from callgenie.conversations.follow_up_store import FollowUp
from callgenie.conversations.models import Conversation, TakenMessage
from callgenie.conversations.store import ConversationStore
from callgenie.jobs.outbox import Written
from callgenie.jobs.outbox_models import NewMail, OutboxEntry
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SessionId, UserId, digest_key
from callgenie.kernel.vocabulary import Direction, EndedReason
from callgenie.mail.models import Letter
from callgenie.mail.rendering import one_line
from callgenie.profiles.hours import local_time_text
from callgenie.profiles.models import Profile
from callgenie.users.store import UserStore

MESSAGE: Final = "message"

_NAME_CHARS_MAX: Final = 60
_TEXT_CHARS_MAX: Final = 2_000


class Profiles(Protocol):
    """Where profiles are found."""

    async def get(self, user_id: UserId) -> Profile:
        """Return the user's profile."""
        ...


class MessageMailHandler:
    """Puts a conversation's messages into the outbox."""

    def __init__(self, outbox: OutboxStore) -> None:
        self._outbox = outbox

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """Ask for a mail for each message, under an id of its own: one that was asked for before stays as it is."""
        for conversation in (follow_up.conversation for follow_up in follow_ups):
            for message in conversation.messages:
                await self._outbox.put(_mail_of(conversation, message))


def _mail_of(conversation: Conversation, message: TakenMessage) -> NewMail:
    return NewMail(
        f"{MESSAGE}:{conversation.user_id}:{digest_key(conversation.session_id)}:{message.id}",
        MESSAGE,
        user_id=conversation.user_id,
        facts={"sessionId": conversation.session_id, "messageId": message.id},
    )


class MessageWriter:
    """Says who left a message, and what it is."""

    def __init__(self, conversations: ConversationStore, profiles: Profiles, users: UserStore, origin: str) -> None:
        self._conversations = conversations
        self._profiles = profiles
        self._users = users
        self._origin = origin

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when the account, the conversation or the message is gone."""
        user = None if entry.user_id is None else await self._users.find(entry.user_id)
        if user is None:
            return None
        found = await self._conversations.get(user.id, SessionId(str(entry.facts["sessionId"])))
        messages = () if found is None else found.messages
        message = next((each for each in messages if each.id == entry.facts["messageId"]), None)
        if found is None or message is None:
            return None
        business = (await self._profiles.get(user.id)).business
        caller = one_line(message.name or message.number or found.phone_number or "a caller", _NAME_CHARS_MAX)
        letter = Letter(
            subject=f"Message from {caller}{'' if message.is_confirmed else ', not confirmed'}",
            greeting=f"Hello {one_line(user.name, _NAME_CHARS_MAX)},",
            paragraphs=(
                f"{caller} has left a message with your assistant:",
                one_line(message.text, _TEXT_CHARS_MAX),
                *_doubts(message, found),
                *_facts(message, found),
                f"It was taken on {local_time_text(business, message.at)} ({business.timezone}).",
            ),
            closing=(f"The API shows the whole conversation at {self._address_of(found)}",),
        )
        return Written(user.email, letter)

    def _address_of(self, conversation: Conversation) -> str:
        # A session id may hold anything, slashes too.
        return f"{self._origin}/api/user/conversations/{quote(conversation.session_id, safe='')}"


def _doubts(message: TakenMessage, conversation: Conversation) -> tuple[str, ...]:
    if message.is_confirmed:
        return ()
    hung_up = conversation.ended_reason is EndedReason.CALLER_HANGUP
    who = "The person we called" if conversation.direction is Direction.OUTBOUND else "The caller"
    ended = f"{who} hung up" if hung_up else "The call ended"
    return (f"Not confirmed. {ended} before this could be read back, so words may be missing or misheard.",)


def _facts(message: TakenMessage, conversation: Conversation) -> tuple[str, ...]:
    facts = []
    if message.name:
        facts.append(f"Name: {one_line(message.name)}")
    if message.number:
        facts.append(f"To be reached at: {one_line(message.number)}")
    # Words can be misheard; what the carrier says is often right.
    how = "We called" if conversation.direction is Direction.OUTBOUND else "Called from"
    facts.append(f"{how}: {conversation.phone_number or 'a withheld number'}")
    return tuple(facts)
