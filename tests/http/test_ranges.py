"""Parts of an answer."""

import pytest

from callgenie.http.ranges import range_of
from callgenie.kernel.errors import RangeUnsatisfiableError


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=100-", (100, 1_000)),
        ("bytes=999-", (999, 1_000)),
        ("bytes=900-5000", (900, 1_000)),
        ("bytes=-100", (900, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        # What is ignored, so that the whole is sent.
        ("bytes=5-2", None),
        ("bytes=0-1,5-9", None),
        ("bytes=-", None),
        ("bytes= 1-2", None),
        ("bytes=1-x", None),
        ("seconds=1-2", None),
        (f"bytes={'9' * 5_000}-", None),
        ("", None),
    ],
)
def test_a_range_is_one_stretch_of_bytes_or_the_whole(header: str | None, expected: tuple[int, int] | None) -> None:
    assert range_of(header, 1_000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeUnsatisfiableError) as refused:
        range_of(header, 1_000)
    assert refused.value.size_bytes == 1_000


def test_nothing_has_no_last_bytes() -> None:
    with pytest.raises(RangeUnsatisfiableError):
        range_of("bytes=-5", 0)
