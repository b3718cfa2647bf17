"""Builds the ONNX graphs that run in the product, and quantises their matrices to eight bits.

`encoder.onnx` reads token ids (B, T): the embeddings, a sentence vector, and the probabilities of the dialogue
acts. `judge.onnx` has two parts: of a text's embeddings it makes states; of an utterance's states and those of an entry
a probability. Activations are float32.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.minilm import HEAD_WIDTH, HEADS, WIDTH

OPSET = 20


class Graph:
    """A graph under construction. Methods add nodes and return the name of their output."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {}
        self._number = 0
        self._shared: dict[int, str] = {}

    def constant(self, value, dtype=np.float32) -> str:
        """Return the name of a constant; an array that is used twice is stored once."""
        if isinstance(value, np.ndarray) and id(value) in self._shared:
            return self._shared[id(value)]
        self._number += 1
        name = f"c{self._number}"
        self.constants[name] = np.asarray(value, dtype)
        if isinstance(value, np.ndarray):
            self._shared[id(value)] = name
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        self._number += 1
        names = [f"{kind.lower()}{self._number}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"n{self._number}", **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x: str, params) -> str:
        weight, bias = params
        return self.add("Add", self.add("MatMul", x, self.constant(weight)), self.constant(bias))

    def norm(self, x: str, params) -> str:
        weight, bias = params
        return self.add("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=1e-12)

    def project(self, x: str, params) -> list[str]:
        """Return queries, keys and values (B, heads, T, D / heads) of x (B, T, D)."""
        shape = self.constant([0, 0, 3 * HEADS, HEAD_WIDTH], np.int64)
        apart = self.add("Transpose", self.add("Reshape", self.linear(x, params["qkv"]), shape), perm=[0, 2, 1, 3])
        return self.add("Split", apart, self.constant([HEADS] * 3, np.int64), outputs=3, axis=1)

    def attend(self, query: str, key: str, value: str, mask: str | None) -> str:
        """Return what is seen (B, T, D); `mask` (B, 1, 1, S) is 0, or very negative for padding."""
        scaled = self.add("Mul", query, self.constant(HEAD_WIDTH**-0.5))
        scores = self.add("MatMul", scaled, self.add("Transpose", key, perm=[0, 1, 3, 2]))
        if mask is not None:
            scores = self.add("Add", scores, mask)
        seen = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        joined = self.add("Transpose", seen, perm=[0, 2, 1, 3])
        return self.add("Reshape", joined, self.constant([0, 0, WIDTH], np.int64))

    def finish(self, x: str, seen: str, params) -> str:
        x = self.norm(self.add("Add", x, self.linear(seen, params["attention"])), params["attention_norm"])
        wide = self.add("Gelu", self.linear(x, params["wide"]))
        return self.norm(self.add("Add", x, self.linear(wide, params["narrow"])), params["norm"])

    def layer(self, x: str, mask: str | None, params) -> str:
        return self.finish(x, self.attend(*self.project(x, params), mask), params)

    def negative(self, mask: str) -> str:
        """Return a mask (B, S) of ones and zeros as (B, 1, 1, S) to be added to scores."""
        wide = self.add("Unsqueeze", mask, self.constant([1, 2], np.int64))
        return self.add("Mul", self.add("Sub", wide, self.constant(1.0)), self.constant(1e9))

    def mean(self, x: str, mask: str) -> str:
        """Return the mean (B, D) of x (B, T, D) over the tokens of a mask (B, T)."""
        axes = self.constant([1], np.int64)
        kept = self.add("Mul", x, self.add("Unsqueeze", mask, self.constant([2], np.int64)))
        total = self.add("ReduceSum", kept, axes, keepdims=0)
        return self.add("Div", total, self.add("ReduceSum", mask, axes, keepdims=1))

    def named(self, x: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [x], [name], name=f"out_{name}"))

    def write(self, path: Path, inputs: Sequence, outputs: Sequence) -> None:
        """Quantise the matrices and write the graph."""
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            list(inputs),
            list(outputs),
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        onnx.checker.check_model(model)
        whole = path.with_suffix(".f32.onnx")
        onnx.save(model, whole)
        # Seven bits of range: eight overflow in the integer arithmetic of processors without VNNI.
        quantize_dynamic(
            whole,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=["MatMul"],
        )
        whole.unlink()


def tensor(name: str, shape: Sequence, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


def encoder(tensors: dict[str, np.ndarray], layers: Sequence, lower: int, acts: dict, path: Path) -> None:
    """Write the encoder: embeddings of eight bits, the layers of MiniLM, and the act classifier."""
    graph = Graph()
    table = tensors["embeddings.word_embeddings.weight"]
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127
    rows = graph.add("Cast", graph.add("Gather", graph.constant(np.round(table / scale), np.int8), "ids"), to=1)
    words = graph.add("Mul", rows, graph.add("Gather", graph.constant(scale), "ids"))
    length = graph.add("Slice", graph.add("Shape", "ids"), *(graph.constant([at], np.int64) for at in (1, 2)))
    positions = (
        tensors["embeddings.position_embeddings.weight"][:128] + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    zero = graph.constant([0], np.int64)
    x = graph.add("Add", words, graph.add("Slice", graph.constant(positions), zero, length, zero))
    x = graph.norm(x, (tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]))
    graph.named(x, "embedded")
    mask = graph.negative("mask")
    for params in layers[:lower]:
        x = graph.layer(x, mask, params)
    upper = act = x
    for params in layers[lower:]:
        upper = graph.layer(upper, mask, params)
    mean = graph.mean(upper, "mask")
    graph.named(
        graph.add("Div", mean, graph.add("ReduceL2", mean, graph.constant([1], np.int64), keepdims=1)), "vector"
    )
    for params in acts["layers"]:
        act = graph.layer(act, mask, params)
    graph.named(graph.add("Softmax", graph.linear(graph.mean(act, "mask"), acts["head"]), axis=-1), "acts")
    batch = ["batch", "tokens"]
    graph.write(
        path,
        [tensor("ids", batch, TensorProto.INT64), tensor("mask", batch)],
        [
            tensor("embedded", [*batch, WIDTH]),
            tensor("vector", ["batch", WIDTH]),
            tensor("acts", ["batch", acts["head"][1].shape[0]]),
        ],
    )


def judge(params: dict, apart: int, path: Path) -> None:
    """Write the judge: embeddings of a text become states; states of an utterance and of an entry a probability.

    The first part has the layers in which utterance and entry do not see each other. One text, or one pair, passes at a
    time: there is no padding, and nothing to mask.
    """
    graph = Graph()
    x = graph.add("Add", "embedded", graph.add("Gather", graph.constant(params["segments"]), "parts"))
    for layer in params["layers"][:apart]:
        x = graph.layer(x, None, layer)
    graph.named(x, "states")
    x = graph.add("Concat", "said", "entry", axis=1)
    for layer in params["layers"][apart:]:
        x = graph.layer(x, None, layer)
    axes = graph.constant([1], np.int64)
    length = graph.add("Slice", graph.add("Shape", "said"), *(graph.constant([at], np.int64) for at in (1, 2)))
    zero, end = graph.constant([0], np.int64), graph.constant([2**31], np.int64)
    ours = graph.add("ReduceMean", graph.add("Slice", x, zero, length, axes), axes, keepdims=0)
    theirs = graph.add("ReduceMean", graph.add("Slice", x, length, end, axes), axes, keepdims=0)
    product = graph.add("Mul", ours, theirs)
    lengths = graph.add("Mul", *(graph.add("ReduceL2", each, axes, keepdims=1) for each in (ours, theirs)))
    cos = graph.add(
        "Div", graph.add("ReduceSum", product, axes, keepdims=1), graph.add("Add", lengths, graph.constant(1e-6))
    )
    features = graph.add("Concat", ours, theirs, graph.add("Abs", graph.add("Sub", ours, theirs)), product, axis=1)
    weighted = graph.add("ReduceSum", graph.add("Mul", features, graph.constant(params["w"])), axes, keepdims=1)
    logit = graph.add(
        "Add",
        graph.add("Add", graph.add("Mul", cos, graph.constant(params["scale"])), weighted),
        graph.constant(params["b"]),
    )
    graph.named(graph.add("Sigmoid", logit), "probability")
    one = ["one", "tokens"]
    graph.write(
        path,
        [
            tensor("embedded", [*one, WIDTH]), tensor("parts", one, TensorProto.INT64),
            tensor("said", ["one", "said_tokens", WIDTH]), tensor("entry", ["one", "entry_tokens", WIDTH]),
        ],
        [tensor("states", [*one, WIDTH]), tensor("probability", ["one", 1])],
    )  # fmt: skip
