"""Text of models as it comes, and what the caller hears of it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.voice.model_output.cleaner import ModelOutputCleaner
from callgenie.voice.model_output.written_calls import WrittenCall
from callgenie.voice.sentences import sentences_of

OFFERED = ("end_call", "take_message", "business_hours")


def cleaned(*deltas: str, is_cut: bool = False) -> tuple[str, list[WrittenCall]]:
    cleaner = ModelOutputCleaner(OFFERED, "Asha")
    text = "".join([cleaner.push(delta) for delta in deltas]) + cleaner.flush(is_cut=is_cut)
    return text.strip(), cleaner.calls


def heard(text: str) -> str:
    return cleaned(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "<think>The caller asks ...</think>We are at twelve Mill Lane.",
        "<THINKING>\nHm. It is {odd}.\n</THINKING>\n\nWe are at twelve Mill Lane.",
        '<reasoning effort="low">So. Well.</reasoning>We are at twelve Mill Lane.',
        "We are at twelve Mill Lane. <analysis>Was that right? I think so. It was.",
        "We are at <think>where?</think>twelve Mill Lane.",
        "<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>We are at twelve Mill Lane.<|return|>",
        "We are at twelve Mill Lane.<|im_end|>\n<|im_start|>user\nAnd when are you open?<|im_end|>",
    ],
)
def test_reasoning_and_tokens_of_the_template_are_not_heard(text: str) -> None:
    assert heard(text) == "We are at twelve Mill Lane."


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("**Sure!** We have *three* options:\n\n- Cut\n- Color", "Sure! We have three options: Cut, Color."),
        ("We offer\n1. **Cut**\n2. __Color__\n\nWhich one?", "We offer: Cut, Color. Which one?"),
        ("Yes:\n\N{BULLET} We cut.\n\N{BULLET} We color.", "Yes: We cut. We color."),
        ("* Cut\n* Color\n* [x] Perm", "Cut, Color, Perm."),
        ("# Opening hours\nNine to five.", "Opening hours: Nine to five."),
        ("Hours\n=====\nNine to five.", "Hours\nNine to five."),
        ("| Day | Hours |\n|:--|--:|\n| Monday | 9 to 5 |\n| Tuesday | 10 to 4 |", "Monday: 9 to 5, Tuesday: 10 to 4."),
        ("> We are open.", "We are open."),
        ("See [our *page*](https://example.com/a_b(1)) for `more`.", "See our page for more."),
        ("![logo](x.png) Hello.", "Hello."),
        ("<b>Yes</b>, we do.<br>Really.", "Yes, we do. Really."),
        ("We are ~~closed~~ open, ~20 minutes more.", "We are closed open, about 20 minutes more."),
        ("AT&amp;T \\*really\\* is #1.", "AT&T really is number 1."),
        ("```\nWe are open.\n```", "We are open."),
        ("We are\nopen from nine\nto five.", "We are open from nine to five."),
    ],
)
def test_markdown_becomes_sentences(text: str, spoken: str) -> None:
    assert heard(text) == spoken


def test_a_long_list_is_cut_and_long_items_are_sentences() -> None:
    assert heard("".join(f"- Item {number}\n" for number in range(30))).count("Item") == 8
    long = "- We wash your hair with warm water and a mild shampoo\n- Then we cut it as short as you would like it\n"
    assert len(sentences_of(heard(long))) == 2


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Great \U0001f600\U0001f44d\U0001f3fd! Done \N{HEAVY CHECK MARK}\N{VARIATION SELECTOR-16}.", "Great! Done."),
        ("Come in :) \N{RIGHTWARDS ARROW} the door.", "Come in the door."),
        ("*smiles warmly* We are open.", "We are open."),
        ("*checks the calendar* We are open.", "We are open."),
        ("(laughs) We are open [pauses]. (silence)", "We are open."),
        ("Assistant: We are open.", "We are open."),
        ("**Asha:** We are open.", "We are open."),
        ("User: when are you open?\nAssistant: At nine.", "At nine."),
        ("At nine.\nUser: thanks\nAssistant: Goodbye. We close.", "At nine."),
    ],
)
def test_nothing_is_heard_that_no_receptionist_would_say(text: str, spoken: str) -> None:
    assert heard(text) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "It costs $12.50 or twelve fifty, i.e. 10% less than $1,399.99.",
        "At 9:30 a.m., 17:45 and 2.30 we are in; call (415) 555-0123 or +44 20 7946 0000.",
        "A well-known, low-cost check-up \N{EM DASH} it's 20 \N{DEGREE SIGN}C \N{EN DASH} takes 5-10 minutes.",
        "Dr. Smith's number is 5. Is that right?",
        "2 + 2 = 4. We take cards and/or cash.",
        "Write to anna_smith@example.com.",
        "*Waxing* is thirty dollars.".replace("*", ""),
        "Caf\N{LATIN SMALL LETTER E WITH ACUTE} R&D is at Stra\N{LATIN SMALL LETTER SHARP S}e 5.",
        "Our answer: yes. My user: none.",
    ],
)
def test_plain_sentences_stay_as_they_are(text: str) -> None:
    assert heard(text) == text


def test_emphasis_is_no_stage_direction() -> None:
    assert heard("*Waxing* is thirty dollars. *Smiles Dental* is next door. We *sell* bread.") == (
        "Waxing is thirty dollars. Smiles Dental is next door. We sell bread."
    )


MESSAGE = WrittenCall("take_message", {"text": "I'll be late", "name": "Anna"})


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('<tool_call>{"name": "end_call", "arguments": {}}</tool_call>', [WrittenCall("end_call")]),
        ('<tool_call>{"name": "end_call"', [WrittenCall("end_call")]),
        ('```json\n{"name": "end_call", "parameters": null}\n```', [WrittenCall("end_call")]),
        ("```tool_code\nprint(default_api.end_call())\n```", [WrittenCall("end_call")]),
        ('{"tool_calls": [{"function": {"name": "end_call", "arguments": "{}"}}]}', [WrittenCall("end_call")]),
        ('{"action": "end_call", "action_input": ""}', [WrittenCall("end_call")]),
        ('[TOOL_CALLS] [{"name": "end_call", "arguments": {}}]', [WrittenCall("end_call")]),
        ('[TOOL_CALLS]take_message[ARGS]{"text": "I\'ll be late", "name": "Anna"}', [MESSAGE]),
        ("take_message(text=\"I'll be late\", name='Anna')", [MESSAGE]),
        ('<|python_tag|>{"name": "take_message", "parameters": {"text": "I\'ll be late", "name": "Anna"}}', [MESSAGE]),
        (
            "<function=take_message><parameter=text>I'll be late</parameter>\n<parameter=name>Anna</parameter>",
            [MESSAGE],
        ),
        ('Action: {"name": "end_call"}', [WrittenCall("end_call")]),
        ("*end_call*", [WrittenCall("end_call")]),
        ("[end_call()]", [WrittenCall("end_call")]),
        ("end_call", [WrittenCall("end_call")]),
        ('{"name": "delete_everything", "arguments": {}}', []),
        ("check_calendar(day='Monday')", []),
        ("take_message(text=secret)", []),
        ('{"price": 90, "currency": "USD"}', []),
        ("```python\nprint('hello')\n```", []),
        ('{"name": "take_message", "arguments": "nonsense"}', []),
    ],
)
def test_calls_that_are_written_out_are_made_or_dropped_and_never_heard(text: str, calls: list[WrittenCall]) -> None:
    assert cleaned(text) == ("", calls)
    assert cleaned(f"One moment. {text}") == ("One moment.", calls)


def test_words_after_a_call_are_heard() -> None:
    assert cleaned("end_call() Goodbye.") == ("Goodbye.", [WrittenCall("end_call")])


def test_a_brace_that_is_no_code_costs_no_words() -> None:
    assert heard("We have {three options. Which one?") == "We have three options. Which one?"


def test_what_is_cut_short_ends_with_its_last_sentence() -> None:
    assert cleaned("We open at nine. We close at", is_cut=True)[0] == "We open at nine."
    assert cleaned("We have:\n- Cut\n- Col", is_cut=True)[0] == "We have: Cut."
    assert cleaned("We open at nine.", is_cut=True)[0] == "We open at nine."


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    cleaner = ModelOutputCleaner()
    assert cleaner.push("**We open at nine.**") == ""
    assert cleaner.push(" And") == "We open at nine. "


MARKS = '<think> </think> ** * _ ` ``` | { } " ( ) [ ]( <tool_call> </tool_call> [TOOL_CALLS] end_call() ~ <br> . &amp;'
TOKENS = "<|im_end|> <|channel|> <|message|> final smiles Yes \U0001f600 \N{EM DASH}"
PIECES = st.sampled_from(
    [
        *MARKS.split(),
        *TOKENS.split(),
        *("\n", "\n\n", " ", "- ", "1. ", "# ", "? ", "no ", "|---|\n", "```json\n", '{"name": "end_call"}'),
        *("User: ", "Assistant: ", "We are open. ", "It costs $12.50", "at 9 a.m. ", "*smiles* "),
    ]
)


@st.composite
def texts_and_cuts(draw: st.DrawFn) -> tuple[str, Sequence[int]]:
    text = "".join(draw(st.lists(PIECES, max_size=30)))
    return text, sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))


@given(texts_and_cuts())
def test_it_does_not_matter_how_the_text_is_cut_into_deltas(drawn: tuple[str, Sequence[int]]) -> None:
    text, cuts = drawn
    deltas = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert cleaned(*deltas) == cleaned(text) == cleaned(*text)


@given(st.text(max_size=300))
def test_whatever_comes_is_survived(text: str) -> None:
    spoken, _ = cleaned(text)
    assert not set(spoken) & set("*`<>{}#\\")


@given(
    st.lists(
        st.sampled_from(["we", "open", "at", "nine", "Dr", "9:30", "$5", "3.5", "Anna's", "well-known"]), min_size=1
    )
)
def test_no_word_of_a_plain_text_is_lost(words: list[str]) -> None:
    assert heard(f"{' '.join(words)}.") == f"{' '.join(words)}."
