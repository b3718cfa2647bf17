import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.kernel.phone import is_e164
from callgenie.numbers.models import PooledNumber
from callgenie.numbers.reading import UnreadableNumberError, read_number


@pytest.mark.parametrize(
    ("text", "number", "country", "area_code"),
    [
        ("+14155550123", "+14155550123", "US", "415"),
        ("+1 (415) 555-0123", "+14155550123", "US", "415"),
        ("+1.416.555.0123", "+14165550123", "CA", "416"),
        ("+442079460000", "+442079460000", "GB", "20"),
        ("+4930123456", "+4930123456", "DE", "30"),
        ("+33 1 23 45 67 89", "+33123456789", "FR", "1"),
        # In no block that is in use, but as long as American numbers are: demonstrations are full of them.
        ("+15550001111", "+15550001111", "US", "555"),
    ],
)
def test_a_number_is_read_with_its_country_and_area_code(text: str, number: str, country: str, area_code: str) -> None:
    assert read_number(text) == PooledNumber(number, country, area_code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4155550123",
        "+",
        "hello",
        "+1",
        "+1415555012",
        "+141555501234",
        "+14155550123 ext. 5",
        "+999123456789",
        "+" * 100,
    ],
)
def test_what_cannot_be_dialled_from_everywhere_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableNumberError):
        read_number(text)


@given(st.text(max_size=80) | st.from_regex(r"\+[0-9 ()./;-]{0,70}", fullmatch=True))
def test_any_line_is_read_or_refused(line: str) -> None:
    try:
        read = read_number(line)
    except UnreadableNumberError:
        return
    assert is_e164(read.number)
