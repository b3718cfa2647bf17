import numpy as np
import pytest

from callgenie.understanding.acts import Act
from callgenie.understanding.encoder import Array, Encoder
from callgenie.understanding.models import locate


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(locate())


def vector(encoder: Encoder, text: str) -> Array:
    (encoded,) = encoder.encode([encoder.tokens(text)[0]])
    return encoded.vector


@pytest.mark.parametrize(
    ("text", "similarity"),
    # The example on the model's own page, computed by the framework that trained it; ours has eight bits a weight.
    [("That is a happy dog", 0.695), ("That is a very happy person", 0.943), ("Today is a sunny day", 0.257)],
)
def test_meanings_are_as_close_as_the_original_finds_them(encoder: Encoder, text: str, similarity: float) -> None:
    found = float(vector(encoder, "That is a happy person") @ vector(encoder, text))
    assert found == pytest.approx(similarity, abs=0.05)


@pytest.mark.parametrize("text", ["", " ", "\N{PILE OF POO}", "word " * 5_000, "\x00"])
def test_any_text_has_a_vector_of_length_1_and_acts_that_add_up_to_1(encoder: Encoder, text: str) -> None:
    (encoded,) = encoder.encode([encoder.tokens(text)[0]])
    assert encoded.vector.shape == (encoder.width,)
    assert float(np.linalg.norm(encoded.vector)) == pytest.approx(1.0, abs=1e-4)
    assert set(encoded.acts) == set(Act)
    assert sum(encoded.acts.values()) == pytest.approx(1.0, abs=1e-4)


def test_texts_encoded_together_are_what_each_is_alone(encoder: Encoder) -> None:
    texts = ["Is there parking?", "", "Yes, behind the house, and it is free of charge. " * 20, "Hello"]
    tokens = [encoder.tokens(text)[0] for text in texts]
    for together, ids in zip(encoder.encode(tokens), tokens, strict=True):
        (alone,) = encoder.encode([ids])
        assert len(together.embedded) == len(ids)
        assert np.array_equal(together.vector, alone.vector)
    assert encoder.encode([]) == []


def test_two_texts_are_tokenised_as_one_whose_first_part_is_known(encoder: Encoder) -> None:
    both, first = encoder.tokens("Is there parking?", "Yes.")
    assert both[:first] == encoder.tokens("Is there parking?")[0]
    assert both[0] not in both[first:]
    long, first = encoder.tokens("word " * 500, "Yes.")
    assert len(long) == first == 128
