import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.voice.sentences import SentenceCutter, SentenceLimit, sentences_of


def cut(text: str, *, by: int = 3) -> list[str]:
    cutter = SentenceCutter()
    pieces = [piece for at in range(0, len(text), by) for piece in cutter.push(text[at : at + by])]
    return pieces + cutter.flush()


def test_sentences_come_one_by_one() -> None:
    assert cut("We open at nine. We close at five! Is that fine?") == [
        "We open at nine.",
        "We close at five!",
        "Is that fine?",
    ]


def test_the_first_clause_comes_as_soon_as_it_can_be_spoken_and_later_ones_wait_for_their_sentence() -> None:
    cutter = SentenceCutter()
    assert cutter.push("Well, yes, of course we do, ") == ["Well, yes, of course we do,"]
    assert cutter.push("and children are welcome, too") == []
    assert cutter.push(". ") == ["and children are welcome, too."]


def test_a_short_first_clause_is_not_spoken_alone() -> None:
    assert SentenceCutter().push("Yes, ") == []


def test_the_end_of_a_sentence_is_known_only_when_something_follows() -> None:
    cutter = SentenceCutter()
    assert cutter.push("It costs 12.") == []
    assert cutter.push("50 dollars. ") == ["It costs 12.50 dollars."]


@pytest.mark.parametrize(
    "text",
    ["Dr. Miller is in.", "We open at 9 a.m. on weekdays.", "Ask for J. Smith.", "Bring a card, e.g. a passport."],
)
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert cut(text, by=1)[-1].endswith(text[-8:])
    assert sentences_of(text) == [text]


def test_nothing_that_cannot_be_spoken_is_spoken() -> None:
    assert cut("... \n\n - ?! \U0001f600 ") == []


def test_a_text_without_an_end_is_cut_where_one_would_breathe() -> None:
    text = "word " * 100 + "then, " + "word " * 100
    pieces = cut(text, by=7)
    assert all(len(piece) <= 220 for piece in pieces)
    assert " ".join(pieces).split() == text.split()


@given(st.text(max_size=600), st.integers(1, 50))
def test_no_word_is_lost_and_no_piece_is_too_long(text: str, by: int) -> None:
    pieces = cut(text, by=by)
    assert all(len(piece) <= 220 and piece == piece.strip() for piece in pieces)
    spoken = "".join("".join(pieces).split())
    assert [c for c in spoken if c.isalnum()] == [c for c in text if c.isalnum()]


def test_whole_texts_are_cut_at_sentences_only() -> None:
    assert sentences_of("Yes, we do. From the age of three, that is.") == [
        "Yes, we do.",
        "From the age of three, that is.",
    ]
    assert sentences_of("  ") == []


def limited(text: str, sentences_max: int, size: int) -> str:
    limit = SentenceLimit(sentences_max)
    return "".join(limit.push(text[at : at + size]) for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 7, 1_000])
def test_a_limit_lets_whole_sentences_through_however_the_text_comes(size: int) -> None:
    text = 'Good morning. Dr. Lee is in until 5 p.m. today.\n\nShall I "really" put you through? Yes.'
    sentences = ["Good morning.", "Dr. Lee is in until 5 p.m. today.", 'Shall I "really" put you through?', "Yes."]
    for allowed in (1, 2, 3):
        assert limited(text, allowed, size).split() == " ".join(sentences[:allowed]).split()
    assert limited(text, 4, size) == text
    assert limited(text, 5, size) == text
