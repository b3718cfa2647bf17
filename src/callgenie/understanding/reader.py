"""Utterance reader: the models that understand callers, loaded once and shared by all calls."""

from collections.abc import Sequence
from typing import Final

from callgenie.understanding.encoder import Encoded, Encoder
from callgenie.understanding.faq_index import Entry, FaqIndex, FaqMemory
from callgenie.understanding.judge import AnswerJudge
from callgenie.understanding.models import locate
from callgenie.understanding.text import bare

# Of a longer story the end says what is wanted.
_TOKENS_MAX: Final = 64


class UtteranceReader:
    """Reads utterances, and FAQs. `index` is not for use from several threads; `read` is.

    Raises:
        VoiceModelMissingError: A model is not there.
        VoiceModelDamagedError: A file is not the one this version was made with.
    """

    def __init__(self) -> None:
        folder = locate()
        self._encoder = Encoder(folder)
        self._memory = FaqMemory(self._encoder, AnswerJudge(folder))

    def index(self, entries: Sequence[Entry]) -> FaqIndex:
        """Return the index of a FAQ, with what was learnt of it in earlier calls."""
        return self._memory.index(entries)

    def read(self, text: str) -> Encoded:
        """Return what the models make of a caller's words: some 8 ms for ten words."""
        tokens, _ = self._encoder.tokens(bare(text))
        if len(tokens) > _TOKENS_MAX:
            tokens = [tokens[0], *tokens[1 - _TOKENS_MAX :]]  # the first token stands for the whole text
        return self._encoder.encode([tokens])[0]
