"""Trains the judge: does this entry answer what this caller asked?

    python -m training.judge --out weights.npz

The lower layers of MiniLM stay frozen and look at utterance and entry apart, so that the retriever's work is shared and
an entry's share is computed once. The upper layers see both together and are trained. What is measured is printed for
the development trades after each epoch; the held-out trades are for `training.report`.
"""

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from callgenie.understanding.text import bare
from training import minilm
from training.export import load, save
from training.trades import Entry, Trade, training_and_development, variants

FROZEN = 3
CANDIDATES = 6
LENGTHS = (16, 24, 40, 64, 128)

# Each pair of lengths is compiled anew, so entries have one; few are longer.
ENTRY_TOKENS = 64


class Lower:
    """States of texts after the frozen layers, each computed once."""

    def __init__(self, frozen: int) -> None:
        self.tokenizer = minilm.load_tokenizer()
        self.tensors = minilm.load_tensors()
        self.frozen = frozen
        self._layers = [minilm.layer_params(self.tensors, at) for at in range(frozen)]
        self._rest = [minilm.layer_params(self.tensors, at) for at in range(frozen, minilm.LAYERS)]
        self._states: dict[tuple[str, str], tuple[np.ndarray, int]] = {}
        self._vectors: dict[tuple[str, str], np.ndarray] = {}
        self._lower = jax.jit(self._forward)
        self._upper = jax.jit(self._sentence)

    def _forward(self, x, mask):
        for params in self._layers:
            x = minilm.layer(params, x, mask)
        return x

    def _sentence(self, x, mask):
        for params in self._rest:
            x = minilm.layer(params, x, mask)
        means = minilm.mean(x, mask)
        return means / jnp.linalg.norm(means, axis=1, keepdims=True)

    def learn(self, texts: list[tuple[str, str]], *, vectors: bool) -> None:
        """Compute states and sentence vectors of texts: a question with an answer each, or an utterance alone."""
        known = self._vectors if vectors else self._states
        missing = sorted({text for text in texts if text not in known}, key=lambda text: len(text[0] + text[1]))
        ids = [self.encode(text) for text in missing]
        for at in range(0, len(missing), 64):
            some = ids[at : at + 64]
            longest = bucket(max(len(each) for each, _ in some))
            padded, mask = np.zeros((64, longest), np.int64), np.zeros((64, longest), np.float32)
            for row, (each, _) in enumerate(some):
                padded[row, : len(each)], mask[row, : len(each)] = each, 1
            mask[len(some) :, 0] = 1
            lower = self._lower(minilm.embed(self.tensors, padded), mask)
            states = np.asarray(lower).astype(np.float16)
            for row, (each, first) in enumerate(some):
                self._states[missing[at + row]] = (states[row, : len(each)], first)
            if vectors:
                for row, vector in enumerate(np.asarray(self._upper(lower, mask))[: len(some)]):
                    self._vectors[missing[at + row]] = vector

    def encode(self, text: tuple[str, str]) -> tuple[list[int], int]:
        """Return token ids, and how many of them belong to the first part."""
        first = self.tokenizer.encode(text[0]).ids
        if not text[1]:
            return first, len(first)
        both = (first + self.tokenizer.encode(text[1]).ids[1:])[: minilm.TOKENS_MAX]
        return both, min(len(first), len(both))

    def states(self, text: tuple[str, str]) -> tuple[np.ndarray, int]:
        return self._states[text]

    def vector(self, text: tuple[str, str]) -> np.ndarray:
        return self._vectors[text]


def bucket(length: int) -> int:
    """Return the padded length for so many tokens."""
    return next((each for each in LENGTHS if each >= length), LENGTHS[-1])


@dataclass
class Case:
    """An utterance with its candidate entries, and which of them answers (-1: none)."""

    trade: Trade
    texts: list[str]
    candidates: list[int]
    positive: int
    kind: str
    near: int | None
    hardness: np.ndarray


def entry_text(entry: Entry) -> tuple[str, str]:
    return entry.question, entry.answer


def build_cases(trades: list[Trade], lower: Lower, *, all_variants: bool) -> list[Case]:
    """Return the cases of trades, candidates sorted by similarity as the retriever has it."""
    known = [entry for trade in trades for entry in trade.entries]
    said = [utterance for trade in trades for utterance in trade.utterances]
    lower.learn([(bare(entry.question), "") for entry in known], vectors=True)
    lower.learn([entry_text(entry) for entry in known], vectors=True)
    lower.learn([(variants(utterance)[0], "") for utterance in said], vectors=True)
    if all_variants:
        lower.learn([(each, "") for utterance in said for each in variants(utterance)], vectors=False)
    cases = []
    for trade in trades:
        alone = np.stack([lower.vector((bare(entry.question), "")) for entry in trade.entries])
        joint = np.stack([lower.vector(entry_text(entry)) for entry in trade.entries])
        for utterance in trade.utterances:
            texts = variants(utterance) if all_variants else variants(utterance)[:1]
            vector = lower.vector((texts[0], ""))
            order = [int(each) for each in np.argsort(-np.maximum(alone @ vector, joint @ vector))]
            positive = -1 if utterance.entry is None else utterance.entry
            cases.append(Case(trade, texts, order, positive, utterance.kind, utterance.near, np.zeros(0)))
    return cases


def init_params(lower: Lower, seed: int) -> minilm.Params:
    rng = np.random.default_rng(seed)
    return {
        "layers": [minilm.layer_params(lower.tensors, at) for at in range(lower.frozen, minilm.LAYERS)],
        "segments": rng.normal(0, 0.02, (3, minilm.WIDTH)).astype(np.float32),
        "w": rng.normal(0, 0.01, (4 * minilm.WIDTH,)).astype(np.float32),
        "b": np.float32(-3.0),
        "scale": np.float32(8.0),
    }


def logits(params, batch, key=None, rate=0.0):
    """Return a logit for each pair (utterance, entry) of a batch.

    Entries look at themselves, utterances at themselves and at their pair's entry: what is computed of an entry does
    not depend on who asks, so that it is computed once for many questions.
    """
    segments = params["segments"]
    entries = batch["entries"].astype(jnp.float32) + segments[batch["entry_segment"]]
    said = (batch["said"].astype(jnp.float32) + segments[0])[batch["of_said"]]
    said_mask, entry_mask, of_entry = batch["said_mask"][batch["of_said"]], batch["entry_mask"], batch["of_entry"]
    keys = jax.random.split(key, 2 * len(params["layers"])) if key is not None else [None] * (2 * len(params["layers"]))
    for at, each in enumerate(params["layers"]):
        theirs = minilm.projected(each, entries)
        both = minilm.projected(each, said)
        seen = [
            jnp.concatenate([ours, other[of_entry]], axis=2) for ours, other in zip(both[1:], theirs[1:], strict=True)
        ]
        mask = jnp.concatenate([said_mask, entry_mask[of_entry]], axis=1)
        said = minilm.rest_of_layer(each, said, minilm.attention(both[0], *seen, mask), keys[2 * at], rate)
        entries = minilm.rest_of_layer(each, entries, minilm.attention(*theirs, entry_mask), keys[2 * at + 1], rate)
    ours, theirs = minilm.mean(said, said_mask), minilm.mean(entries, entry_mask)[of_entry]
    features = jnp.concatenate([ours, theirs, jnp.abs(ours - theirs), ours * theirs], axis=1)
    cos = (ours * theirs).sum(1) / (jnp.linalg.norm(ours, axis=1) * jnp.linalg.norm(theirs, axis=1) + 1e-6)
    return params["scale"] * cos + features @ params["w"] + params["b"]


SAID = 20
PER_SAID = 5


def padded(states: list[tuple[np.ndarray, int]], rows: int, longest: int = 0):
    """Return states of texts as (rows, T, D), their mask, and the segment (1 question, 2 answer) of each token."""
    longest = longest or bucket(max(len(each) for each, _ in states))
    x = np.zeros((rows, longest, minilm.WIDTH), np.float16)
    mask, segment = np.zeros((rows, longest), np.float32), np.ones((rows, longest), np.int32)
    for row, (whole, first) in enumerate(states):
        each = whole[:longest]
        x[row, : len(each)], mask[row, : len(each)] = each, 1
        segment[row, first:] = 2
    mask[len(states) :, 0] = 1
    return x, mask, segment


def batch_of(trade: Trade, said: list[str], pairs, lower: Lower, rows: int, pair_rows: int):
    """Return the arrays of utterances and entries of one trade, and of pairs (utterance, entry, label)."""
    entries, entry_mask, segment = padded(
        [lower.states(entry_text(entry)) for entry in trade.entries], 16, ENTRY_TOKENS
    )
    x, mask, _ = padded([lower.states((each, "")) for each in said], rows)
    of_said, of_entry = np.zeros(pair_rows, np.int32), np.zeros(pair_rows, np.int32)
    label, weight = np.zeros(pair_rows, np.float32), np.zeros(pair_rows, np.float32)
    for at, pair in enumerate(pairs):
        of_said[at], of_entry[at], label[at] = pair
        weight[at] = 1
    return {
        "entries": entries, "entry_mask": entry_mask, "entry_segment": segment, "said": x, "said_mask": mask,
        "of_said": of_said, "of_entry": of_entry, "label": label, "weight": weight,
    }  # fmt: skip


def epoch_batches(cases: list[Case], lower: Lower, rng: random.Random):
    """Yield an epoch's batches: twenty utterances of one trade, each with the entry that answers and hard others."""
    by_trade: dict[str, list[Case]] = {}
    for case in cases:
        by_trade.setdefault(case.trade.name, []).append(case)
    groups = []
    for mine_ in by_trade.values():
        trade = mine_[0].trade
        rows = [(rng.choice(case.texts), case) for case in mine_]
        rows += [(bare(entry.question), at) for at, entry in enumerate(trade.entries) if rng.random() < 0.5]
        rows.sort(key=lambda row: len(row[0]) + rng.random() * 12)
        groups += [(trade, rows[at : at + SAID]) for at in range(0, len(rows), SAID)]
    rng.shuffle(groups)
    for trade, rows in groups:
        pairs = []
        for number, (_, case) in enumerate(rows):
            positive = case if isinstance(case, int) else case.positive
            if positive >= 0:
                pairs.append((number, positive, 1.0))
            others = [at for at in range(len(trade.entries)) if at != positive]
            if isinstance(case, int):
                chosen = rng.sample(others, 2)
            else:
                chosen = hard_entries(case, rng, PER_SAID - (positive >= 0))
            pairs += [(number, at, 0.0) for at in chosen]
        yield batch_of(trade, [text for text, _ in rows], pairs, lower, SAID, SAID * PER_SAID)


def hard_entries(case: Case, rng: random.Random, count: int) -> set[int]:
    """Return so many entries that do not answer, rather those that tempt."""
    wrong = [at for at in case.candidates if at != case.positive]
    if case.kind.startswith("courtesy"):
        count = min(count, 2)
    weights = [1.0 / (1 + rank) for rank in range(len(wrong))]
    for at, entry in enumerate(wrong):
        weights[at] += 6 * float(case.hardness[entry]) if case.hardness.size else 0
        weights[at] += 2 if entry == case.near else 0
    chosen: set[int] = set()
    while len(chosen) < min(count, len(wrong)):
        chosen.add(rng.choices(wrong, weights)[0])
    return chosen


def score(params, cases: list[Case], lower: Lower, run, top: int) -> list[np.ndarray]:
    """Return for each case the probabilities of its `top` first candidates."""
    result: list[np.ndarray] = [np.zeros(0)] * len(cases)
    by_trade: dict[str, list[int]] = {}
    for at, case in enumerate(cases):
        by_trade.setdefault(case.trade.name, []).append(at)
    for numbers in by_trade.values():
        numbers.sort(key=lambda at: len(cases[at].texts[0]))
        for at in range(0, len(numbers), SAID):
            some = numbers[at : at + SAID]
            trade = cases[some[0]].trade
            pairs = [(row, entry, 0.0) for row, number in enumerate(some) for entry in cases[number].candidates[:top]]
            batch = batch_of(trade, [cases[number].texts[0] for number in some], pairs, lower, SAID, SAID * top)
            found = 1 / (1 + np.exp(-np.asarray(run(params, batch))))
            for row, number in enumerate(some):
                result[number] = found[row * top : row * top + len(cases[number].candidates[:top])]
    return result


def curve(cases: list[Case], scores: list[np.ndarray]) -> dict[str, float]:
    """Return recall at the threshold at which at most 3 % of the near misses get a fact, and what it costs."""
    judged = [(case, float(p.max()), case.candidates[int(p.argmax())]) for case, p in zip(cases, scores, strict=True)]
    misses = sorted((p for case, p, _ in judged if not asks_fact(case)), reverse=True)
    answerable = [row for row in judged if row[0].kind == "answerable"]
    hours = [row for row in judged if row[0].kind == "hours"]
    result = {}
    for share in (0.01, 0.02, 0.03, 0.05):
        threshold = misses[int(share * len(misses))] if misses else 0.5
        told = [row for row in answerable if row[1] > threshold]
        right = sum(best == case.positive for case, _, best in told)
        result[f"recall@{share:.0%}"] = right / max(1, len(answerable))
        if share == 0.03:
            result |= {"threshold": threshold, "right": right / max(1, len(told))}
            result["hours"] = sum(p > threshold and best == case.positive for case, p, best in hours) / max(
                1, len(hours)
            )
    for share in (0.15, 0.25):
        low = misses[int(share * len(misses))]
        result[f"asked@{share:.0%}"] = sum(p > low and best == case.positive for case, p, best in answerable) / len(
            answerable
        )
    result["top"] = sum(
        case.positive in case.candidates[: len(p)]
        for case, p in zip(cases, scores, strict=True)
        if case.kind == "answerable"
    ) / max(1, len(answerable))
    return result


def asks_fact(case: Case) -> bool:
    return case.positive >= 0


def mine(params, cases, lower, run) -> None:
    """Note how much each entry tempts each utterance: what the judge thinks of the pair now."""
    for case, found in zip(cases, score(params, cases, lower, run, CANDIDATES), strict=True):
        case.hardness = np.zeros(len(case.trade.entries))
        case.hardness[case.candidates[: len(found)]] = found


def train(train_cases, dev_cases, lower, *, epochs, rate, dropout, seed, out, start=None, weight_decay=0.01):
    params = start or init_params(lower, seed)
    rng = random.Random(seed)
    estimate = (len(train_cases) // SAID + len({case.trade.name for case in train_cases})) * epochs
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, estimate // 15, int(estimate * 1.02), rate / 50)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=weight_decay))
    state = optimizer.init(params)

    def loss(params, batch, key):
        found = logits(params, batch, key, dropout)
        label, weight = batch["label"], batch["weight"]
        each = optax.sigmoid_binary_cross_entropy(found, label * 0.98 + 0.01) * (1 + 0.5 * label)
        # Beside each pair by itself: which entry of all, or none, whose logit is 0.
        of_said = jax.nn.one_hot(batch["of_said"], SAID) * weight[:, None]
        total = jnp.log1p((jnp.exp(jnp.clip(found, -20, 20))[:, None] * of_said).sum(0))
        right = ((found * label)[:, None] * of_said).sum(0)
        listwise = (total - right).sum() / SAID
        return (each * weight).sum() / weight.sum() + 0.3 * listwise

    @jax.jit
    def step(params, state, key, batch):
        value, grads = jax.value_and_grad(loss)(params, batch, key)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    run = jax.jit(logits)
    averaged = None
    key = jax.random.PRNGKey(seed)
    began = time.time()
    for epoch in range(epochs):
        if epoch >= 1 or start:
            mine(params, train_cases, lower, run)
        total, count = 0.0, 0
        for batch in epoch_batches(train_cases, lower, rng):
            key, now = jax.random.split(key)
            params, state, value = step(params, state, now, batch)
            total, count = total + float(value), count + 1
            if count % 40 == 0:
                print(f"  step {count} loss {total / count:.4f} {time.time() - began:.0f}s", flush=True)
            if epoch >= epochs - 2 and count % 10 == 0:
                if averaged is None:
                    averaged = jax.tree.map(lambda each: each, params)
                else:
                    averaged = jax.tree.map(lambda mean, each: mean * 0.98 + each * 0.02, averaged, params)
        report = curve(
            dev_cases,
            score(averaged if averaged is not None and epoch == epochs - 1 else params, dev_cases, lower, run, 4),
        )
        told = " ".join(f"{name} {value:.3f}" for name, value in report.items())
        print(f"epoch {epoch} loss {total / count:.4f} {time.time() - began:.0f}s {told}", flush=True)
        save(averaged or params, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("judge.npz"))
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--frozen", type=int, default=FROZEN)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lower = Lower(options.frozen)
    training, development = training_and_development()
    began = time.time()
    train_cases, dev_cases = (
        build_cases(training, lower, all_variants=True),
        build_cases(development, lower, all_variants=False),
    )
    sizes = f"{len(train_cases)} utterances; development {len(development)}, {len(dev_cases)}"
    print(f"{len(training)} trades, {sizes}; {time.time() - began:.0f}s", flush=True)
    train(
        train_cases,
        dev_cases,
        lower,
        epochs=options.epochs,
        rate=options.rate,
        dropout=options.dropout,
        seed=options.seed,
        out=options.out,
        start=load(options.start) if options.start else None,
    )


if __name__ == "__main__":
    main()
