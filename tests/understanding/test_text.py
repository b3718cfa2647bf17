import pytest

from callgenie.understanding.text import bare, content_words


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hi, um, how MUCH is it?!", "hi um how much is it"),
        ("It\N{RIGHT SINGLE QUOTATION MARK}s $12.50 - or 10%", "it's $12 50 - or 10%"),
        ("  ", ""),
    ],
)
def test_text_is_read_without_case_and_punctuation(text: str, plain: str) -> None:
    assert bare(text) == plain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Good morning, can you tell me: do you deliver cakes?", "Do you deliver cake?", True),
        ("How do I order a birthday cake", "How do I order a birthday cake?", True),
        ("Do you have vegan dishes?", "Do you have vegetarian dishes?", False),
        ("How long is a cleaning?", "How much is a cleaning?", False),
        ("Bread without gluten?", "Bread with gluten?", False),
        ("Do you not deliver?", "Do you deliver?", False),
        ("When do you deliver?", "Do you deliver?", False),
    ],
)
def test_content_words_are_the_same_only_where_the_question_is(one: str, other: str, *, same: bool) -> None:
    assert (content_words(one) == content_words(other)) is same
