import pytest

from callgenie.http.etags import etag_of, versions_of


def test_a_version_and_its_tag_are_the_same() -> None:
    assert etag_of(7) == '"7"'
    assert versions_of(etag_of(7)) == frozenset({7})


@pytest.mark.parametrize("header", [None, "*", " * "])
def test_no_header_and_a_star_accept_any_version(header: str | None) -> None:
    assert versions_of(header) is None


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"1", "2"', {1, 2}),
        ('W/"1"', set()),
        ('W/"1", "2"', {2}),
        ("1", set()),
        ("", set()),
        ('"x"', set()),
        ('"-1"', set()),
        ('"٣"', set()),
        ('"' + "9" * 40 + '"', set()),
    ],
)
def test_only_strong_tags_of_ours_match(header: str, versions: set[int]) -> None:
    assert versions_of(header) == frozenset(versions)
