"""What is read in the assistant's own sentences."""

import pytest

from callgenie.voice.own_words import says_closed


@pytest.mark.parametrize(
    ("hours", "closed"),
    [
        ("No, today we are open from noon to 3 PM and from 6 PM to 10 PM.", True),
        ("We are closed at the moment, and open again tomorrow at 8 AM.", True),
        ("On Sunday we are closed.", True),
        ("Next week we are open Monday to Thursday from 8 AM to 5 PM, and closed on Saturday and Sunday.", False),
        ("Yes, today we are open from 8 AM to 5 PM.", False),
    ],
)
def test_closed_is_only_what_is_closed_all_the_time_asked_about(hours: str, *, closed: bool) -> None:
    assert says_closed(hours) is closed
