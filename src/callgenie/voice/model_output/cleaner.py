"""Removes from a model's text, as it streams, all that is not meant for the caller's ear.

Reasoning, tool calls that are written out, code, Markdown, stage directions, and the caller's part where the model
plays that too. A sentence is given out once it is whole. The text is read character by character, so that it does not
matter how it was cut into deltas.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from callgenie.voice.model_output.lines import SpokenLines, is_table_row, may_become_marker
from callgenie.voice.model_output.markdown import spoken_inline
from callgenie.voice.model_output.written_calls import WrittenCall, read_calls

# What a tool or a block of code may hold; whatever is longer is a model that lost its way.
_BLOCK_CHARACTERS_MAX: Final = 16_000

# Nobody writes longer sentences to be spoken. Without an end, the words are given out after so many characters.
_SENTENCE_CHARACTERS_MAX: Final = 600
_BRACKET_CHARACTERS_MAX: Final = 160

_REASONING_TAGS: Final = (
    "think|thinking|thoughts?|reasoning|reason|reflection|analysis|scratchpad|inner_monologue|monologue|planning"
    "|internal|commentary|antthinking|seed:think"
)
_TOOL_TAGS: Final = (
    "tool_calls?|toolcalls?|tools?|tool_use|tool_code|tool_request|tool_response|functions?|function_calls?|invoke"
    "|actions?"
)
_REASONING_END: Final = re.compile(rf"</(?:{_REASONING_TAGS})\s*>$", re.IGNORECASE)
_SPECIAL: Final = re.compile(
    r"<[|\N{FULLWIDTH VERTICAL LINE}]([^|<>\N{FULLWIDTH VERTICAL LINE}]{1,40})[|\N{FULLWIDTH VERTICAL LINE}]>$"
)
_TURN_ENDS: Final = ("</s>", "[INST]", "[/INST]", "<end_of_turn>", "<start_of_turn>", "<eos>")
_TURN_END_TOKENS: Final = frozenset({"im_end", "eot_id", "end", "endoftext", "return", "eom_id", "end_of_text", "eos"})
_TURN_START_TOKENS: Final = frozenset({"im_start", "start_header_id", "start", "user", "system", "assistant"})
_FENCE: Final = "```"
_SPOKEN_FENCES: Final = frozenset({"", "text", "txt", "plaintext", "markdown", "md"})

# Words with which a model announces the call that it writes out.
_ANNOUNCES_CALL: Final = re.compile(
    r"(?:^|(?<=\s))[*_`]{0,3}(?:action|(?:tool|function)(?:[ _]calls?)?|calls?|json)\s*:?[*_`]{0,3}:?\s*$",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(
    r"[.!?\N{HORIZONTAL ELLIPSIS}]+[\"'\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK})\]*_`~]*\s$"
)
_LOOKS_LIKE_JSON: Final = re.compile(r"[{(]\s*$|[{(]\s*[\"']|[\"']?\w+[\"']?\s*[:=]")
_LOOKS_LIKE_CODE: Final = re.compile(r"[{}=;<>]|\w\(")

_OUR_ROLES: Final = (
    "assistant",
    "ai",
    "bot",
    "chatbot",
    "agent",
    "receptionist",
    "response",
    "reply",
    "answer",
    "output",
)
_OTHER_ROLES: Final = ("user", "caller", "human", "customer", "client", "question")


class _Kind(Enum):
    """A part of the text that is not spoken, by what ends it."""

    REASONING = auto()
    CHANNEL = auto()
    HEADER = auto()
    TOOL = auto()
    FENCE = auto()
    BRACKETS = auto()
    TO_THE_END = auto()


@dataclass(slots=True)
class _Block:
    kind: _Kind
    tag: str = ""
    text: str = ""
    depth: int = 0
    quote: str = ""


_OPENERS: Final = (
    (re.compile(rf"<({_REASONING_TAGS})(?:\s[^<>]*)?>$", re.IGNORECASE), _Kind.REASONING),
    (re.compile(rf"<({_TOOL_TAGS})(?:[\s=][^<>]*)?>$", re.IGNORECASE), _Kind.TOOL),
    (re.compile(r"\[TOOL_CALLS\]$"), _Kind.TO_THE_END),
    (re.compile(r"```$"), _Kind.FENCE),
    (re.compile(r"\{$"), _Kind.BRACKETS),
    # A name with an underscore and a parenthesis is code. No caller is to hear it, whether or not there is such a tool.
    (re.compile(r"(?:\bprint\()?\b(?:[A-Za-z]\w*\.)*[a-z][a-z0-9]*(?:_[a-z0-9]+)+\($"), _Kind.BRACKETS),
)


@dataclass(slots=True)
class ModelOutputCleaner:
    """Cleans one answer.

    Args:
        offered: The names of the tools that the model may call.
        assistant_name: A line may begin with it, as in a written dialogue.
        is_in_doubt: The model has reasoned before without saying where that begins: give nothing out until it ends.

    Attributes:
        calls: Calls of offered tools that were written into the text.
        reasoned_unmarked: An end of reasoning came whose beginning was not marked.
    """

    offered: Collection[str] = ()
    assistant_name: str = ""
    is_in_doubt: bool = False
    calls: list[WrittenCall] = field(default_factory=list)
    reasoned_unmarked: bool = False
    _held: str = ""
    _doubtful: str = ""
    _block: _Block | None = None
    _begins_line: bool = True
    _has_spoken: bool = False
    _is_other_speaking: bool = False
    _is_over: bool = False
    _lines: SpokenLines = field(default_factory=SpokenLines)
    _ours: re.Pattern[str] = field(init=False)
    _others: re.Pattern[str] = field(init=False)
    _named_tools: re.Pattern[str] | None = field(init=False)

    def __post_init__(self) -> None:
        """Compile the patterns that depend on the call."""
        names = [*_OUR_ROLES, *([re.escape(self.assistant_name)] if self.assistant_name.strip() else [])]
        marked = r"\s*[*_\"]{{0,3}}(?:{})[*_]{{0,3}}\s?:[*_]{{0,3}}(?=\s|$)\s*"
        self._ours = re.compile(marked.format("|".join(names)), re.IGNORECASE)
        self._others = re.compile(marked.format("|".join(_OTHER_ROLES)), re.IGNORECASE)
        tools = "|".join(map(re.escape, self.offered))
        self._named_tools = (
            re.compile(rf"[\[(*]+\s*({tools})\s*(?:\(\))?\s*[\])*]+|^\W*({tools})\W*$") if tools else None
        )

    def push(self, delta: str) -> str:
        """Take the next piece of text; return what may be spoken by now."""
        if not self.is_in_doubt:
            return "".join([self._take(character) for character in delta])
        self._doubtful += delta
        end = re.search(_REASONING_END.pattern.rstrip("$"), self._doubtful, re.IGNORECASE)
        if end is None:
            return ""
        self.is_in_doubt, self.reasoned_unmarked = False, True
        return self.push(self._doubtful[end.end() :])

    def flush(self, *, is_cut: bool = False) -> str:
        """Return what is left when the text is at its end; of one that is cut short, no sentence that is not whole."""
        out = ""
        if self.is_in_doubt:
            self.is_in_doubt = False
            out = self.push(self._doubtful)
        if self._block is not None:
            out += self._close_unended(self._block)
        if is_cut and not _SENTENCE_END.search(f"{self._held} "):
            self._held = ""
        return (out + self._segment(ends_line=True) + self._lines.close()).rstrip()

    def _take(self, character: str) -> str:
        if self._is_over:
            return ""
        if self._block is not None:
            return self._inside(self._block, character)
        self._held += character
        if character in ">]`{(" and (out := self._opened(character)) is not None:
            return out
        if character == "\n":
            return self._segment(ends_line=True)
        return self._segment(ends_line=False) if character.isspace() and self._is_sentence() else ""

    # Sentences

    def _is_sentence(self) -> bool:
        held = self._held
        if self._begins_line and (may_become_marker(held) or is_table_row(held)):
            return False
        if len(held) > _SENTENCE_CHARACTERS_MAX:
            return True
        if _SENTENCE_END.search(held) is None:
            return False
        start = held.lstrip()
        acts = start.startswith("*") and not start.startswith(("**", "* ")) and held.count("*") % 2 == 1
        is_within = held.rfind("[") > held.rfind("]") or acts
        return not is_within or len(held) > _BRACKET_CHARACTERS_MAX

    def _segment(self, *, ends_line: bool) -> str:
        """Give out what is held, which is a sentence, the end of a line, or what stands before a block."""
        text, self._held = self._held, ""
        begins, self._begins_line = self._begins_line, ends_line
        if not text.strip():
            self._begins_line = begins or ends_line
            return ""
        if self._others.match(text):
            # At the start it leads up to our line; after our line it is a dialogue that the model makes up.
            self._is_over = self._has_spoken
            self._is_other_speaking = True
        if self._is_over:
            return ""
        if ours := self._ours.match(text):
            self._is_other_speaking = False
            text = text[ours.end() :]
        if self._is_other_speaking:
            return ""
        text = self._without_tools(text)
        out = self._lines.add(text, begins_line=begins, ends_line=ends_line)
        self._has_spoken = self._has_spoken or bool(out.strip())
        return out

    def _without_tools(self, text: str) -> str:
        if self._named_tools is None:
            return text

        def taken(found: re.Match[str]) -> str:
            self.calls.append(WrittenCall(found[1] or found[2]))
            return " "

        return self._named_tools.sub(taken, text)

    # Blocks

    def _opened(self, character: str) -> str | None:
        """Begin the block that the last character opens, if it does; return what is spoken before it."""
        held = self._held
        if character in ">]" and held.endswith(_TURN_ENDS):
            return self._turn_ended(held)
        if character == ">" and _REASONING_END.search(held):
            # Some servers put the opening tag into the prompt, so that only the end of the reasoning is seen.
            self.reasoned_unmarked = True
            self._held = ""
            return ""
        if character == ">" and (token := _SPECIAL.search(held)):
            return self._token(held, token)
        found = _block_opened(held)
        return None if found is None else self._begin(*found)

    def _token(self, held: str, token: re.Match[str]) -> str:
        """Take a token of a chat template, which servers should have removed."""
        name = token[1].replace("\N{LOWER ONE EIGHTH BLOCK}", "_").strip().lower()
        starts_turn = name in _TURN_START_TOKENS
        if name in _TURN_END_TOKENS or (starts_turn and (self._has_spoken or held[: token.start()].strip())):
            return self._turn_ended(held)
        if starts_turn:
            return self._begin(_Block(_Kind.HEADER), token.start())
        if name == "channel":
            return self._begin(_Block(_Kind.CHANNEL), token.start())
        if name.startswith(("tool", "python_tag")):
            return self._begin(_Block(_Kind.TO_THE_END), token.start())
        self._held = held[: token.start()]
        return ""

    def _turn_ended(self, held: str) -> str:
        self._held = re.sub(r"(?:<[^<>]*>|\[/?INST\])$", "", held)
        out = self._segment(ends_line=True)
        self._is_over = self._has_spoken
        return out

    def _begin(self, block: _Block, start: int) -> str:
        before = self._held[:start]
        if block.kind is not _Kind.REASONING:
            before = _ANNOUNCES_CALL.sub("", before)
        self._held, self._block = before, block
        # A block may stand within a sentence, which then goes on after it.
        return self._segment(ends_line=False) if _SENTENCE_END.search(f"{before} ") else ""

    def _inside(self, block: _Block, character: str) -> str:
        block.text += character
        if len(block.text) > _BLOCK_CHARACTERS_MAX and block.kind is not _Kind.REASONING:
            self._is_over = True
            return ""
        match block.kind:
            case _Kind.REASONING:
                block.text = block.text[-40:]
                ended = character == ">" and _ends_tag(block)
            case _Kind.CHANNEL:
                ended = re.search(r"final\s*<\|message\|>$", block.text) is not None
                block.text = block.text[-40:]
            case _Kind.HEADER:
                ended = re.search(r"\n$|<\|[^|<>]+\|>$", block.text) is not None
            case _Kind.TOOL:
                ended = character == ">" and _ends_tag(block)
            case _Kind.FENCE:
                ended = block.text.endswith(_FENCE)
            case _Kind.BRACKETS:
                ended = _closes(block, character)
            case _Kind.TO_THE_END:
                ended = False
        return self._end(block) if ended else ""

    def _end(self, block: _Block) -> str:
        self._block = None
        if block.kind in {_Kind.REASONING, _Kind.CHANNEL, _Kind.HEADER}:
            return ""
        if block.kind is _Kind.FENCE:
            return self._fenced(block.text.removesuffix(_FENCE))
        self.calls += self._calls_in(block)
        return ""

    def _calls_in(self, block: _Block) -> list[WrittenCall]:
        text = block.text
        if block.kind is _Kind.TOOL:
            tag = re.escape(block.tag)
            text = re.sub(rf"^<{tag}>|</{tag}\s*>$", "", text, flags=re.IGNORECASE)
        return read_calls(text, self.offered)

    def _fenced(self, text: str) -> str:
        label, line_end, body = text.partition("\n")
        if not line_end:
            label, body = "", text
        if found := read_calls(body, self.offered):
            self.calls += found
            return ""
        if label.strip().lower() not in _SPOKEN_FENCES or _LOOKS_LIKE_CODE.search(body):
            return ""
        return self._segment(ends_line=True) + "".join([self._take(character) for character in f"{body}\n"])

    def _close_unended(self, block: _Block) -> str:
        self._block = None
        if block.kind in {_Kind.REASONING, _Kind.CHANNEL, _Kind.HEADER}:
            return ""
        if block.kind is _Kind.FENCE:
            return self._fenced(block.text)
        found = self._calls_in(block)
        self.calls += found
        if block.kind is _Kind.BRACKETS and not found and not _LOOKS_LIKE_JSON.search(block.text):
            self._held += spoken_inline(block.text)
        return ""


def _block_opened(held: str) -> tuple[_Block, int] | None:
    """Return the block that the end of `held` opens, and where; or None."""
    for pattern, kind in _OPENERS:
        if opener := pattern.search(held):
            is_kept = kind in {_Kind.TOOL, _Kind.BRACKETS}
            tag = opener[1] if pattern.groups else ""
            depth = opener[0].count("(") + opener[0].count("{")
            return _Block(kind, tag, opener[0] if is_kept else "", depth), opener.start()
    return None


def _ends_tag(block: _Block) -> bool:
    return re.search(rf"</{re.escape(block.tag)}\s*>$", block.text, re.IGNORECASE) is not None


def _closes(block: _Block, character: str) -> bool:
    """Follow brackets, outside of strings; tell whether the last one is closed."""
    if block.quote:
        if character == block.quote and not block.text.endswith(f"\\{character}"):
            block.quote = ""
        return False
    before = block.text[:-1].rstrip()[-1:]
    if character in "\"'" and before in "{[(,:=":
        block.quote = character
    elif character in "{[(":
        block.depth += 1
    elif character in "}])":
        block.depth -= 1
    return block.depth <= 0
