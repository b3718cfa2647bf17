import numpy as np
import pytest

from callgenie.voice.providers import minilm
from callgenie.voice.providers.minilm import SentenceVectors


@pytest.fixture(scope="module")
def vectors() -> SentenceVectors:
    return SentenceVectors()


@pytest.mark.parametrize(
    ("text", "similarity"),
    # The example on the model's own page, computed by the framework that trained it.
    [("That is a happy dog", 0.695), ("That is a very happy person", 0.943), ("Today is a sunny day", 0.257)],
)
def test_meanings_are_as_close_as_the_original_finds_them(
    vectors: SentenceVectors, text: str, similarity: float
) -> None:
    assert float(vectors.vector("That is a happy person") @ vectors.vector(text)) == pytest.approx(similarity, abs=6e-4)


@pytest.mark.parametrize("text", ["", " ", "\N{PILE OF POO}", "word " * 5_000, "\x00"])
def test_any_text_has_a_vector_of_length_1(vectors: SentenceVectors, text: str) -> None:
    vector = vectors.vector(text)
    assert vector.shape == (384,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-5)


def test_what_is_asked_for_again_is_remembered_until_too_many_others_were(
    vectors: SentenceVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "_REMEMBERED_MAX", 3)
    rows = vectors.remembered(["a", "b", "a"])
    assert rows.shape == (3, 384)
    assert np.array_equal(rows[0], rows[2])
    vectors.remembered(["c", "d", "a"])
    assert list(vectors._remembered) == ["c", "d", "a"]
    assert vectors.remembered([]).shape == (0, 384)
