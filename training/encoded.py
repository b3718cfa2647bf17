"""Token ids, embeddings and sentence vectors of texts by the frozen MiniLM, each computed once."""

import jax
import jax.numpy as jnp
import numpy as np

from training import minilm

LENGTHS = (16, 24, 40, 64, 128)
_ROWS = 64


class Encoded:
    """The frozen encoder. A text is a pair: an utterance alone, or a question with its answer."""

    def __init__(self) -> None:
        self.tokenizer = minilm.load_tokenizer()
        self.tensors = minilm.load_tensors()
        self._layers = [minilm.layer_params(self.tensors, at) for at in range(minilm.LAYERS)]
        self._vectors: dict[tuple[str, str], np.ndarray] = {}
        self._run = jax.jit(self._sentence)

    def _sentence(self, x, mask):
        for params in self._layers:
            x = minilm.layer(params, x, (mask > 0)[:, None, None, :])
        means = minilm.mean(x, mask)
        return means / jnp.linalg.norm(means, axis=1, keepdims=True)

    def encode(self, text: tuple[str, str]) -> tuple[list[int], int]:
        """Return token ids, and how many of them belong to the first part."""
        first = self.tokenizer.encode(text[0]).ids
        if not text[1]:
            return first, len(first)
        both = (first + self.tokenizer.encode(text[1]).ids[1:])[: minilm.TOKENS_MAX]
        return both, min(len(first), len(both))

    def embedded(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return the embeddings (B, T, D) of token ids at places (B, T)."""
        return minilm.embed(self.tensors, ids, places)

    def vectors(self, texts: list[tuple[str, str]]) -> np.ndarray:
        """Return the sentence vectors (N, D) of texts, of length one."""
        missing = sorted({text for text in texts if text not in self._vectors}, key=lambda text: len("".join(text)))
        for at in range(0, len(missing), _ROWS):
            some = missing[at : at + _ROWS]
            ids = [self.encode(text)[0] for text in some]
            longest = next(each for each in LENGTHS if each >= max(map(len, ids)))
            padded, mask = np.zeros((_ROWS, longest), np.int64), np.zeros((_ROWS, longest), np.float32)
            mask[:, 0] = 1
            for row, each in enumerate(ids):
                padded[row, : len(each)], mask[row, : len(each)] = each, 1
            places = np.broadcast_to(np.arange(longest), padded.shape)
            found = np.asarray(self._run(self.embedded(padded, places), mask))
            self._vectors |= dict(zip(some, found, strict=False))
        return np.stack([self._vectors[text] for text in texts])
