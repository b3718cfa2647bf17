"""The same in other words, for callers whom we did not understand the first time.

Whoever hears one sentence twice in a row takes us for a machine that does not listen.
"""

from collections.abc import Mapping
from typing import Final

from callgenie.voice import faq_replies, phrases
from callgenie.voice.message_draft import IS_IT_RIGHT, OTHER_WORDS

ONLY_MESSAGES: Final = "I'm sorry, I can only take a message now."

_OTHERWISE: Final[Mapping[str, str]] = {
    **{prompt: words for prompt, words in OTHER_WORDS.items() if prompt != IS_IT_RIGHT},
    faq_replies.UNKNOWN: "I'm afraid I don't know that either.",
    faq_replies.SAY_AGAIN: "I still didn't understand you. What would you like to know, in a few words?",
    faq_replies.GO_ON: "I'm listening. What can I do for you?",
    faq_replies.NOBODY: "I'm afraid there is still nobody here who could come to the telephone.",
    faq_replies.NOT_PERSONAL: "That is nothing I can help with. Is there something you would like to know about us?",
    ONLY_MESSAGES: "I'm afraid that is all I can do at the moment.",
    phrases.SAY_AGAIN: "I still didn't get that. Could you say it in other words?",
}


def differently(text: str, before: str) -> str:
    """Return `text` with the sentences in other words that we said last as well.

    What was read back is asked about again whenever it has changed, so `message_taking` says when it has not.

    Args:
        text: What we are about to say.
        before: What we said last.
    """
    for sentence, otherwise in _OTHERWISE.items():
        if sentence in text and sentence in before:
            text = text.replace(sentence, otherwise)
    return text
