import numpy as np
import pytest

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


def test_texts_computed_together_have_the_vectors_that_each_has_alone(vectors: SentenceVectors) -> None:
    texts = ["Is there parking?", "", "Yes, behind the house, and it is free of charge. " * 20, "Hello"]
    together = vectors.vectors(texts)
    assert together.shape == (4, vectors.width)
    for row, text in zip(together, texts, strict=True):
        assert np.allclose(row, vectors.vector(text), atol=1e-5)
    assert vectors.vectors([]).shape == (0, vectors.width)
