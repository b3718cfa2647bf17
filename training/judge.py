"""Trains the judge: does this entry answer what this caller asked?

    python -m training.judge --out judge.npz

A cross-encoder: utterance and entry are read together. All six layers of MiniLM are trained, the word embeddings are
not. The lower two layers look at utterance and entry apart, so that an entry's share is computed once. What is measured
is printed for the development trades; the held-out trades are for `bench/understanding.py`.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from callgenie.understanding.text import bare
from training import minilm
from training.encoded import Encoded
from training.export import load, save
from training.trades import Entry, Trade, training_and_development, variants

CANDIDATES = 3
BATCH = 48

# Padded lengths of pairs, each compiled once. Longer entries are cut.
LENGTHS = (32, 40, 48, 56, 72)


@dataclass
class Case:
    """An utterance, the entries that resemble it (best first), and which of them answers (-1: none).

    `tempting` is, for each entry, the probability that the judge gave it when it last saw the pair.
    """

    trade: Trade
    texts: list[str]
    candidates: list[int]
    positive: int
    kind: str
    near: int | None
    tempting: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """An utterance and an entry, as token ids: `[CLS] utterance [SEP]` and `[CLS] question [SEP] answer [SEP]`."""

    said: tuple[int, ...]
    entry: tuple[int, ...]
    question_tokens: int
    label: float
    case: Case | None = None
    number: int = 0

    @property
    def tokens(self) -> int:
        return len(self.said) + len(self.entry)


def build_cases(trades: list[Trade], encoded: Encoded) -> list[Case]:
    """Return the cases of trades, candidates sorted by similarity as the product's index has it."""
    cases = []
    for trade in trades:
        alone = encoded.vectors([(bare(entry.question), "") for entry in trade.entries])
        joint = encoded.vectors([(entry.question, entry.answer) for entry in trade.entries])
        texts = [variants(utterance) for utterance in trade.utterances]
        said = encoded.vectors([(each[0], "") for each in texts])
        order = np.argsort(-np.maximum(said @ alone.T, said @ joint.T), axis=1)
        for utterance, mine, row in zip(trade.utterances, texts, order, strict=True):
            positive = -1 if utterance.entry is None else utterance.entry
            cases.append(Case(trade, mine, [int(at) for at in row], positive, utterance.kind, utterance.near))
    return cases


class Pairs:
    """Makes pairs of texts; each text is tokenised once."""

    def __init__(self, encoded: Encoded) -> None:
        self._encoded = encoded
        self._said: dict[str, tuple[int, ...]] = {}
        self._entries: dict[Entry, tuple[tuple[int, ...], int]] = {}

    def pair(self, text: str, entry: Entry, label: float, case: Case | None = None, number: int = 0) -> Pair:
        if text not in self._said:
            self._said[text] = tuple(self._encoded.encode((text, ""))[0])
        if entry not in self._entries:
            ids, first = self._encoded.encode((entry.question, entry.answer))
            self._entries[entry] = tuple(ids), first
        ids, first = self._entries[entry]
        said = self._said[text][: LENGTHS[-1] // 2]
        return Pair(said, ids[: LENGTHS[-1] - len(said)], first, label, case, number)

    def of_epoch(self, cases: list[Case], rng: random.Random) -> list[Pair]:
        """Return each utterance with the entry that answers and with some that tempt."""
        pairs = []
        for case in cases:
            text = rng.choice(case.texts)
            entries = case.trade.entries
            if case.positive >= 0:
                pairs.append(self.pair(text, entries[case.positive], 1.0, case, case.positive))
            count = 1 if case.kind.startswith("courtesy") or case.kind == "hours" else 2
            pairs.extend(self.pair(text, entries[at], 0.0, case, at) for at in tempting(case, rng, count))
        for trade in {case.trade.name: case.trade for case in cases}.values():
            for at, entry in enumerate(trade.entries):
                if rng.random() < 0.4:
                    pairs.append(self.pair(bare(entry.question), entry, 1.0))
                    other = rng.choice([each for each in range(len(trade.entries)) if each != at])
                    pairs.append(self.pair(bare(entry.question), trade.entries[other], 0.0))
        return pairs


def tempting(case: Case, rng: random.Random, count: int) -> set[int]:
    """Return so many entries that do not answer, rather those that tempt."""
    wrong = [at for at in case.candidates if at != case.positive]
    weights = [
        (3 if at == case.near else 0) + 0.5 / (1 + rank) ** 2 + 5 * case.tempting.get(at, 0.5 if rank < 2 else 0.1)
        for rank, at in enumerate(wrong)
    ]
    chosen: set[int] = set()
    while len(chosen) < min(count, len(wrong)):
        chosen.add(rng.choices(wrong, weights)[0])
    return chosen


def batches(pairs: list[Pair], rng: random.Random, rows: int) -> Iterator[list[Pair]]:
    """Yield the pairs in batches of similar length, in random order."""
    by_length: dict[int, list[Pair]] = {}
    shuffled = rng.sample(pairs, len(pairs))
    for pair in shuffled:
        by_length.setdefault(next(each for each in LENGTHS if each >= pair.tokens), []).append(pair)
    groups = [some[at : at + rows] for some in by_length.values() for at in range(0, len(some), rows)]
    rng.shuffle(groups)
    yield from groups


def arrays(pairs: list[Pair], encoded: Encoded, rows: int) -> dict[str, np.ndarray]:
    """Return the arrays of a batch: B pairs of T tokens.

    `part` is 0 for the utterance, 1 for an entry's question, 2 for its answer, -1 for padding.
    """
    longest = next(each for each in LENGTHS if each >= max(pair.tokens for pair in pairs))
    ids, places = np.zeros((rows, longest), np.int64), np.zeros((rows, longest), np.int64)
    part = np.full((rows, longest), -1, np.int32)
    label, weight = np.zeros(rows, np.float32), np.zeros(rows, np.float32)
    part[len(pairs) :, :2] = (0, 1)
    for row, pair in enumerate(pairs):
        said, whole = len(pair.said), pair.tokens
        ids[row, :said], ids[row, said:whole] = pair.said, pair.entry
        places[row, :said], places[row, said:whole] = np.arange(said), np.arange(whole - said)
        part[row, :said], part[row, said:whole] = 0, 2
        part[row, said : said + pair.question_tokens] = 1
        label[row], weight[row] = pair.label, 1
    return {"x": encoded.embedded(ids, places), "part": part, "label": label, "weight": weight}


def init_params(encoded: Encoded, seed: int) -> minilm.Params:
    rng = np.random.default_rng(seed)
    return {
        "layers": [minilm.layer_params(encoded.tensors, at) for at in range(minilm.LAYERS)],
        "segments": rng.normal(0, 0.01, (3, minilm.WIDTH)).astype(np.float32),
        "w": rng.normal(0, 0.01, (4 * minilm.WIDTH,)).astype(np.float32),
        "b": np.float32(-4.0),
        "scale": np.float32(8.0),
    }


def logits(params, batch, key=None, rate=0.0):
    """Return a logit for each pair of a batch."""
    part = batch["part"]
    there = part >= 0
    ours, theirs = (part == 0).astype(jnp.float32), (part > 0).astype(jnp.float32)
    x = batch["x"] + params["segments"][jnp.maximum(part, 0)]
    together = there[:, None, None, :]
    apart = together & ((part == 0)[:, None, :, None] == (part == 0)[:, None, None, :])
    layers = params["layers"]
    keys = jax.random.split(key, len(layers)) if key is not None else [None] * len(layers)
    for at, each in enumerate(layers):
        x = minilm.layer(each, x, apart if at < minilm.APART else together, keys[at], rate)
    ours, theirs = minilm.mean(x, ours), minilm.mean(x, theirs)
    features = jnp.concatenate([ours, theirs, jnp.abs(ours - theirs), ours * theirs], axis=1)
    cos = (ours * theirs).sum(1) / (jnp.linalg.norm(ours, axis=1) * jnp.linalg.norm(theirs, axis=1) + 1e-6)
    return params["scale"] * cos + features @ params["w"] + params["b"]


def score(params, cases: list[Case], pairs: Pairs, encoded: Encoded, run) -> list[np.ndarray]:
    """Return for each case the probabilities of its first candidates."""
    found = [np.zeros(len(case.candidates[:CANDIDATES])) for case in cases]
    every, rows = [], {}
    for at, case in enumerate(cases):
        for column, entry in enumerate(case.candidates[:CANDIDATES]):
            pair = pairs.pair(case.texts[0], case.trade.entries[entry], 0.0, case, entry)
            every.append(pair)
            rows[id(pair)] = at, column
    for some in batches(every, random.Random(0), 96):
        values = np.asarray(run(params, arrays(some, encoded, 96)))
        for pair, value in zip(some, values[: len(some)], strict=True):
            at, column = rows[id(pair)]
            found[at][column] = 1 / (1 + np.exp(-value))
    return found


def curve(cases: list[Case], scores: list[np.ndarray]) -> dict[str, float]:
    """Return recall where at most so many of the near misses get a fact, and what asking back adds."""
    judged = [(case, float(p.max()), case.candidates[int(p.argmax())]) for case, p in zip(cases, scores, strict=True)]
    misses = sorted((p for case, p, _ in judged if case.positive < 0), reverse=True)
    answerable = [row for row in judged if row[0].kind == "answerable"]
    result = {}
    for share in (0.01, 0.02, 0.03, 0.05):
        threshold = misses[int(share * len(misses))]
        told = [row for row in answerable if row[1] > threshold]
        right = sum(best == case.positive for case, _, best in told)
        result[f"recall@{share:.0%}"] = right / len(answerable)
        if share == 0.03:
            result |= {"threshold": threshold, "right": right / max(1, len(told))}
    for share in (0.15, 0.25):
        low = misses[int(share * len(misses))]
        asked = sum(p > low and best == case.positive for case, p, best in answerable)
        result[f"asked@{share:.0%}"] = asked / len(answerable)
    there = sum(case.positive in case.candidates[:CANDIDATES] for case, _, _ in answerable)
    return result | {"candidates": there / len(answerable)}


class Training:
    """The state of a training run: weights, their running mean, and the optimiser."""

    def __init__(self, params, options, steps: int) -> None:
        self.params = self.averaged = params
        schedule = optax.schedules.join_schedules(
            [
                optax.schedules.linear_schedule(0.0, options.rate, steps // 15),
                optax.schedules.cosine_decay_schedule(options.rate, steps - steps // 15, 0.03),
            ],
            [steps // 15],
        )
        self._optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.98, weight_decay=0.01))
        self._state = self._optimizer.init(params)
        self._key = jax.random.PRNGKey(options.seed)
        self._dropout = options.dropout
        self._step = jax.jit(self._stepped, donate_argnums=(0, 1, 2))
        self.averaged = jax.tree.map(jnp.array, params)

    def _loss(self, params, batch, key):
        found = logits(params, batch, key, self._dropout)
        label = batch["label"]
        each = optax.sigmoid_binary_cross_entropy(found, label * 0.98 + 0.01) * (1 + 0.3 * label)
        return (each * batch["weight"]).sum() / batch["weight"].sum(), found

    def _stepped(self, params, averaged, state, key, batch):
        (value, found), grads = jax.value_and_grad(self._loss, has_aux=True)(params, batch, key)
        updates, state = self._optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        averaged = jax.tree.map(lambda mean, each: mean * 0.99 + each * 0.01, averaged, params)
        return params, averaged, state, value, found

    def step(self, batch) -> tuple[float, np.ndarray]:
        """Learn from a batch; return its loss and logits."""
        self._key, now = jax.random.split(self._key)
        self.params, self.averaged, self._state, value, found = self._step(
            self.params, self.averaged, self._state, now, batch
        )
        return float(value), np.asarray(found)


def train(cases: list[Case], development: list[Case], encoded: Encoded, options) -> None:
    """Train, print what is measured every `--every` steps, and write the weights each time."""
    pairs, rng = Pairs(encoded), random.Random(options.seed)
    per_epoch = len(pairs.of_epoch(cases, random.Random(0))) // BATCH + len(LENGTHS)
    start = load(options.start) if options.start else init_params(encoded, options.seed)
    steps = per_epoch * options.epochs
    training = Training(jax.tree.map(jnp.asarray, start), options, steps)
    run, began, total, count = jax.jit(logits), time.time(), 0.0, 0
    print(f"{steps} steps, {per_epoch} an epoch", flush=True)
    for _ in range(options.epochs):
        for some in batches(pairs.of_epoch(cases, rng), rng, BATCH):
            value, found = training.step(arrays(some, encoded, BATCH))
            for pair, logit in zip(some, found[: len(some)], strict=True):
                if pair.case is not None:
                    pair.case.tempting[pair.number] = 1 / (1 + float(np.exp(-logit)))
            total, count = 0.98 * total + 0.02 * value, count + 1
            if count % 25 == 0:
                print(f"  step {count} loss {total / (1 - 0.98**count):.4f} {time.time() - began:.0f}s", flush=True)
            if count % options.every == 0 or count == steps:
                report = curve(development, score(training.averaged, development, pairs, encoded, run))
                told = " ".join(f"{name} {value:.3f}" for name, value in report.items())
                print(f"step {count} {time.time() - began:.0f}s {told}", flush=True)
                save(training.averaged, options.out)
    save(training.averaged, options.out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("judge.npz"))
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--every", type=int, default=300, help="steps between reports")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    encoded = Encoded()
    training, development = training_and_development()
    cases, kept = build_cases(training, encoded), build_cases(development, encoded)
    print(f"{len(training)} trades, {len(cases)} utterances; development {len(development)}, {len(kept)}", flush=True)
    train(cases, kept, encoded, options)


if __name__ == "__main__":
    main()
