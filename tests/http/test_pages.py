import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.http.pages import CursorSigner, InvalidCursorError, PageView

SIGNER = CursorSigner("a secret for tests")
FILTERS = {"user": "u1", "status": "completed", "from": None}
POSITION: list[str | int] = ["2026-03-14T09:26:53.589Z", "65f2c6a1a1b2c3d4e5f60718", 7]


def test_a_cursor_opens_with_the_filters_it_was_made_for() -> None:
    assert SIGNER.open(SIGNER.seal(POSITION, FILTERS), FILTERS) == POSITION
    assert SIGNER.open(SIGNER.seal(POSITION, FILTERS), dict(reversed(FILTERS.items()))) == POSITION


@pytest.mark.parametrize(
    "filters",
    [{**FILTERS, "user": "u2"}, {**FILTERS, "status": None}, {}, {**FILTERS, "more": 1}, {**FILTERS, "from": "None"}],
)
def test_a_cursor_fits_no_other_list(filters: dict[str, object]) -> None:
    with pytest.raises(InvalidCursorError):
        SIGNER.open(SIGNER.seal(POSITION, FILTERS), filters)


def test_a_cursor_of_another_server_is_refused() -> None:
    with pytest.raises(InvalidCursorError):
        SIGNER.open(CursorSigner("another secret").seal(POSITION, FILTERS), FILTERS)


def test_a_changed_cursor_is_refused_at_every_place() -> None:
    cursor = SIGNER.seal(POSITION, FILTERS)
    for place in range(len(cursor)):
        # All letters at the ends of both parts: base64 has spare bits there, and several spellings for one text.
        for letter in (*string.ascii_letters, *string.digits, "-", "_", "=", ".", "é", ""):
            if cursor[place] != letter:
                with pytest.raises(InvalidCursorError):
                    SIGNER.open(cursor[:place] + letter + cursor[place + 1 :], FILTERS)


def test_another_position_under_the_same_tag_is_refused() -> None:
    payload, tag = SIGNER.seal(POSITION, FILTERS).split(".")
    other = base64.urlsafe_b64encode(b'["2020-01-01T00:00:00Z","0",0]').rstrip(b"=").decode()
    assert other != payload
    with pytest.raises(InvalidCursorError):
        SIGNER.open(f"{other}.{tag}", FILTERS)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for cursor in (text, f"{text}.{text}", f"WzFd.{text}", text * 50):
        with pytest.raises(InvalidCursorError):
            SIGNER.open(cursor, FILTERS)


def test_a_page_shows_its_items_and_where_the_next_ones_are() -> None:
    page = PageView[int](data=[1, 2], has_more=True, next_cursor="x.y")
    assert page.model_dump() == {"data": [1, 2], "hasMore": True, "nextCursor": "x.y"}
