import pytest

from callgenie.mail.models import Action, Letter
from callgenie.mail.rendering import as_html, as_text, one_line

LETTER = Letter(
    subject="A & B",
    greeting="Hello <b>Jane</b>,",
    paragraphs=("first $link", 'second "quoted"'),
    action=Action("Do it", "https://example.com/x?token=a&b=<c>"),
    closing=("last",),
)


def test_the_text_is_what_was_written_and_the_link_stands_alone() -> None:
    assert as_text(LETTER) == (
        'Hello <b>Jane</b>,\n\nfirst $link\n\nsecond "quoted"\n\nDo it:\nhttps://example.com/x?token=a&b=<c>\n\nlast\n'
    )


def test_everything_in_the_page_is_escaped() -> None:
    page = as_html(LETTER)
    assert "<title>A &amp; B</title>" in page
    assert "Hello &lt;b&gt;Jane&lt;/b&gt;," in page
    assert "<p>first $link</p>" in page
    assert "second &quot;quoted&quot;" in page
    assert 'href="https://example.com/x?token=a&amp;b=&lt;c&gt;"' in page
    assert "<b>" not in page


def test_a_letter_without_an_action_has_no_link() -> None:
    letter = Letter("Subject", "Hello,", ("that is all",))
    assert as_text(letter) == "Hello,\n\nthat is all\n"
    assert "<a " not in as_html(letter)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Jane Miller", "Jane Miller"),
        ("Jane\r\nBcc: x@example.com", "Jane Bcc: x@example.com"),
        ("Jane\u2028Miller\x00\x1b[2J", "Jane Miller [2J"),
        ("\u202egnp.exe", "gnp.exe"),
        ("  李\u00a0明  ", "李 明"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_what_somebody_wrote_fits_into_a_line_of_ours(written: str, shown: str) -> None:
    assert one_line(written) == shown
