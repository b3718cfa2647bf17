"""The last seconds of a call's audio."""

from callgenie.audio.kept import KeptAudio

RATE = 8_000
SECOND = bytes(RATE * 2)


def test_what_was_added_is_there_in_its_order() -> None:
    kept = KeptAudio(2, RATE)
    kept.add(b"\x01\x00")
    kept.add(b"\x02\x00")
    assert (kept.pcm, list(kept), kept.seconds) == (b"\x01\x00\x02\x00", [b"\x01\x00", b"\x02\x00"], 2 / RATE)


def test_the_oldest_goes_when_there_is_more_than_it_may_keep() -> None:
    kept = KeptAudio(2, RATE)
    kept.add(b"\x01\x00" * RATE)
    kept.add(SECOND)
    assert kept.seconds == 2
    kept.add(b"\x02\x00")
    assert (kept.seconds, kept.pcm[:2]) == (1 + 1 / RATE, b"\x00\x00")


def test_a_piece_that_is_longer_than_all_it_may_keep_is_not_kept() -> None:
    kept = KeptAudio(1, RATE)
    kept.add(SECOND * 2)
    assert (kept.seconds, kept.pcm) == (0, b"")


def test_cleared_it_is_as_new() -> None:
    kept = KeptAudio(1, RATE)
    kept.add(SECOND)
    kept.clear()
    assert (kept.seconds, kept.pcm) == (0, b"")
    kept.add(SECOND)
    assert kept.seconds == 1
