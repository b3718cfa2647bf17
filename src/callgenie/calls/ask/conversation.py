"""The assistant of a business by text, with a call's tools, none of which has an effect."""

from collections.abc import Sequence

from callgenie.calls.tools.hours import BusinessHours
from callgenie.calls.tools.messages import TakeMessage
from callgenie.calls.tools.transfers import TransferCall
from callgenie.conversations.models import NewMessage
from callgenie.kernel.clock import Clock
from callgenie.profiles.knowledge import knowledge_of
from callgenie.profiles.models import Business, Preferences
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import LanguageModel, Message
from callgenie.voice.text_conversation import TextConversation
from callgenie.voice.timings import Timings
from callgenie.voice.tools import EndCall, Tool


def text_conversation(
    business: Business,
    preferences: Preferences,
    model: LanguageModel,
    clock: Clock,
    *,
    messages: Sequence[Message] = (),
    timings: Timings = Timings(),  # noqa: B008 - frozen
) -> TextConversation:
    """Return a conversation as a caller would have it who is heard at once, within the opening hours or without."""
    knowledge = knowledge_of(business, preferences, clock.now())
    tools: list[Tool] = [EndCall(phrases_for(knowledge).goodbye), TakeMessage(_keep_nothing, None)]
    if business.hours:
        tools.append(BusinessHours(business, clock))
    if business.transfer_number is not None:
        tools.append(TransferCall(_call_nobody))
    return TextConversation(model, knowledge, tools, messages=messages, timings=timings)


async def _keep_nothing(message: NewMessage) -> bool:
    del message
    return True


async def _call_nobody() -> bool:
    return True
