"""A language model that behaves badly, in ways that real ones do, on a server that speaks the chat completions format.

Each way is a whole call: what the caller says, what the model answers request by request (the last answer again and
again), and what has to come of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.support.vendors.openai import OpenAi, Reply

from callgenie.profiles.models import FaqEntry
from callgenie.voice.message_draft import OFFER

OPEN: Final = "We are open from nine to five."
FAQ: Final = (
    FaqEntry("When are you open?", OPEN),
    FaqEntry("How much is a cleaning?", "A cleaning costs ninety dollars."),
    FaqEntry("Where are you?", "At twelve Mill Lane."),
    FaqEntry("What is your number?", "Call us on 415 555 0123."),
)
NOT_KNOWN: Final = f"I'm sorry, I don't know that. {OFFER}"
LATE: Final = "please tell Anna that I am late"

# What stands behind the model says this where it has no answer.
NO_ANSWER: Final = "I can take a message."

Messages = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Misbehaviour:
    """One way to behave badly.

    Attributes:
        replies: What the model answers; a function is given the request's messages.
        heard: What the caller hears after the greeting, answer by answer.
        said: What the caller says.
        message: What is kept as a message, and whether as confirmed.
        takes_leave: The caller says goodbye in the end, so that the assistant may hang up.
    """

    replies: tuple[str | Reply | Callable[[Messages], Reply], ...]
    heard: tuple[str, ...] = (OPEN,)
    said: tuple[str, ...] = ("when are you open",)
    message: tuple[str, bool] | None = None
    takes_leave: bool = False


def server_of(misbehaviour: Misbehaviour) -> OpenAi:
    """Return a server whose model behaves so."""
    asked = 0

    def brain(messages: Messages, tools: Sequence[dict[str, Any]]) -> Reply:
        nonlocal asked
        del tools
        reply = misbehaviour.replies[min(asked, len(misbehaviour.replies) - 1)]
        asked += 1
        if callable(reply):
            return reply(messages)
        return Reply(reply) if isinstance(reply, str) else reply

    return OpenAi(brain)


def _leaves(*replies: str | Reply) -> Misbehaviour:
    return Misbehaviour(replies, heard=("Goodbye.",), said=("goodbye",), takes_leave=True)


def _invents(answer: str, question: str) -> Misbehaviour:
    return Misbehaviour((answer,), heard=(NOT_KNOWN,), said=(question,))


def _calls(name: str, arguments: Any = "{}", text: str = "") -> Reply:
    return Reply(text, ((name, arguments),))


def _recites(messages: Messages) -> Reply:
    return Reply(messages[0]["content"])


WAYS: Final[dict[str, Misbehaviour]] = {
    # What is no text to be spoken
    "reasons in tags": Misbehaviour((f"<think>The caller asks ... Maybe at ten.</think>{OPEN}",)),
    "reasons in tags without end": Misbehaviour((f"{OPEN} <thinking>Or was it ten? It was ten.",)),
    "only reasons": Misbehaviour(("<think>Was it ten? It was ten.",)),
    "reasons in a field": Misbehaviour((Reply(OPEN, reasoning="The caller asks. It was ten."),)),
    "reasons aloud": Misbehaviour((f"The caller asks when we are open. {OPEN}",)),
    "writes bold type and lists": Misbehaviour(
        ("**Sure!** We have *three* options:\n\n- Cut\n- Color",), ("Sure! We have three options: Cut, Color.",)
    ),
    "writes headings and tables": Misbehaviour(
        ("# Hours\n\n| Day | Hours |\n|---|---|\n| Monday | **9** to 5 |",), ("Hours: Monday: 9 to 5.",)
    ),
    "writes emoji": Misbehaviour(
        ("We are open from nine to five \U0001f600\U0001f44d\U0001f3fd!",), (f"{OPEN[:-1]}!",)
    ),
    "acts": Misbehaviour((f"*smiles warmly* {OPEN} (laughs)",)),
    "writes its role": Misbehaviour((f"Assistant: {OPEN}",)),
    "plays the caller too": Misbehaviour((f"{OPEN}\nUser: thanks\nAssistant: A filling is $5. Goodbye.",)),
    "leaves tokens of its template": Misbehaviour((f"{OPEN}<|im_end|>\n<|im_start|>user\nok<|im_end|>",)),
    "repeats itself without end": Misbehaviour((f"{OPEN} " * 500,)),
    "repeats a word without end": Misbehaviour(("very " * 5_000,)),
    "says nothing": Misbehaviour(("",)),
    "says spaces": Misbehaviour((" \n \n\t ",)),
    "recites its instructions": Misbehaviour((_recites,)),
    "answers in another language": Misbehaviour(("La oficina está abierta los lunes y los martes.",)),
    "stops in the middle of a sentence": Misbehaviour((Reply(f"{OPEN} And on Sunday", finish_reason="length"),)),
    "stops in the middle of its only sentence": Misbehaviour(("We are open from nine to",)),
    # Tools
    "gives null for arguments": _leaves(_calls("end_call", None, "Goodbye.")),
    "gives the word null for arguments": _leaves(_calls("end_call", "null", "Goodbye.")),
    "gives empty arguments": _leaves(_calls("end_call", "", "Goodbye.")),
    "gives arguments that nobody asked for": _leaves(_calls("end_call", '{"reason": "done", "now": true}', "Goodbye.")),
    "gives arguments as an object": _leaves(_calls("end_call", {}, "Goodbye.")),
    "writes a call into its text": _leaves('Goodbye. <tool_call>{"name": "end_call", "arguments": {}}</tool_call>'),
    "writes a call in fences": _leaves('Goodbye.\n```json\n{"name": "end_call", "parameters": null}\n```'),
    "writes a call in Python": Misbehaviour(("end_call()", OPEN)),
    "gives broken arguments": Misbehaviour(
        (_calls("take_message", f"{{'text': '{LATE}',"), "I will pass on: Anna, late."),
        ("I will pass on: Anna, late.",),
        (LATE,),
        (LATE, False),
    ),
    "gives arguments that nobody can read": Misbehaviour(
        (_calls("take_message", '{"text": "please tell An'),), (NO_ANSWER,), (LATE,), (LATE, False)
    ),
    "gives arguments of wrong types": Misbehaviour((_calls("take_message", '{"text": 7, "name": ["x"]}'), OPEN)),
    "wants a tool that there is not": Misbehaviour((_calls("book_table"), OPEN)),
    "wants fifty tools at once": Misbehaviour((Reply("", (("book_table", "{}"),) * 50), OPEN)),
    "wants nothing but tools": Misbehaviour((_calls("book_table"),)),
    # Facts
    "invents a price": _invents("A filling costs 150 dollars.", "how much is a filling"),
    "invents an opening time": _invents("We are open until eight.", "are you open in the evening"),
    "invents a telephone number": _invents("Call us on 415 555 0199.", "what is your number"),
    "invents an address": _invents("We are at fourteen Mill Lane.", "where are you"),
    "takes a price for another currency": _invents("A cleaning costs 90 euros.", "how much is a cleaning"),
    "invents in the middle": Misbehaviour(
        (f"{OPEN} A filling costs $150. That includes everything.",), (f"{OPEN} {NOT_KNOWN}",)
    ),
    # Decisions
    "confirms what the caller denied": Misbehaviour(
        (
            "You want to tell Anna that I am late. Is that right?",
            _calls("take_message", '{"text": "tell Anna that I am late"}', "Great."),
            "What shall I change?",
        ),
        ("You want to tell Anna that I am late. Is that right?", "Great. What shall I change?"),
        (LATE, "no that is wrong"),
        ("tell Anna that I am late", False),
    ),
    "takes a message of words that nobody said": Misbehaviour(
        (_calls("take_message", '{"text": "The delivery of flour is cancelled"}'), OPEN)
    ),
    "takes no message and promises to pass it on": Misbehaviour(
        ("Sure, I'll tell her.",), ("Sure, I'll tell her.",), (LATE,), (LATE, False)
    ),
    "does not care for a message": Misbehaviour((OPEN,), (OPEN,), (LATE,), (LATE, False)),
    "hangs up in the middle of a question": Misbehaviour((_calls("end_call"),)),
    "says goodbye in the middle of a question": Misbehaviour(
        (_calls("end_call", text="Thank you for calling. Goodbye."), OPEN), (f"Thank you for calling. {OPEN}",)
    ),
    "puts a caller through who wants nobody": Misbehaviour((_calls("transfer_call"), OPEN)),
}
