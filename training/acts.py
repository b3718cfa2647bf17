"""Trains the act classifier: what callers do with their words, such as booking, asking, agreeing.

    python -m training.acts --out acts.npz

The lower layers of MiniLM stay frozen; a copy of the upper ones and a linear layer are trained. Data: `data/acts`, a
file an act and `mixed.txt` for several acts in one utterance, and the callers of the trades, whose kinds allow one or
several acts. Files `*.held.txt` and held-out trades are never trained on.
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

from callgenie.understanding.acts import Act
from callgenie.understanding.text import bare
from training import minilm
from training.encoded import LENGTHS, Encoded
from training.export import save
from training.trades import DATA, HELD_OUT, Trade, load, training_and_development, variants

ACTS = list(Act)
INDEX = {act.value: at for at, act in enumerate(ACTS)}
BATCH = 64

_WISHES = "book change_booking cancel_booking order order_status pay callback complain"
_OF_KINDS = {
    "answerable": "question", "item": "question", "price": "question", "time": "question", "place": "question",
    "condition": "question", "negation": "question", "action": _WISHES, "complaint": "complain order_status",
    "message": "message callback change_booking", "personal": "personal who_are_you", "smalltalk": "personal",
    "hours": "hours", "courtesy:thanks": "thanks", "courtesy:bye": "goodbye", "courtesy:hello": "greeting",
    "courtesy:hear": "are_you_there",
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """An utterance and the acts that it may be (any of `allowed`), or is (all of `together`)."""

    text: str
    allowed: tuple[str, ...]
    together: bool = False
    weight: float = 1.0


def of_trades(trades: list[Trade], *, all_variants: bool) -> list[Example]:
    examples = []
    for trade in trades:
        for utterance in trade.utterances:
            if allowed := _OF_KINDS.get(utterance.kind):
                texts = variants(utterance)
                text = texts[len(utterance.said) % len(texts)] if all_variants else texts[0]
                weight = 0.5 if allowed == "question" else 1.0
                examples.append(Example(text, tuple(allowed.split()), weight=weight))
    return examples


def of_files(*, held: bool) -> list[Example]:
    examples = []
    for path in sorted((DATA / "acts").glob("*.txt")):
        name = path.name.removesuffix(".txt").removesuffix(".held")
        if path.name.endswith(".held.txt") != held:
            continue
        for line in path.read_text("utf-8").splitlines():
            label, _, text = line.rpartition("\t")
            if not text.strip():
                continue
            label = label or name
            acts = tuple("question" if act.startswith("question") else act for act in label.split("+"))
            if all(act in INDEX for act in acts):
                examples.append(Example(bare(text), tuple(dict.fromkeys(acts)), together=len(set(acts)) > 1))
    return examples


def target(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each act (several together), and which acts are allowed."""
    share, allowed = np.zeros(len(ACTS), np.float32), np.zeros(len(ACTS), np.float32)
    for act in example.allowed:
        allowed[INDEX[act]] = 1
        share[INDEX[act]] = 1 / len(example.allowed) if example.together or len(example.allowed) == 1 else 0
    return share, allowed


def logits(params, frozen, x, mask, key=None, rate=0.0):
    seen = (mask > 0)[:, None, None, :]
    for each in frozen:
        x = minilm.layer(each, x, seen)
    x = jax.lax.stop_gradient(x)
    keys = jax.random.split(key, len(params["layers"])) if key is not None else [None] * len(params["layers"])
    for each, layer_key in zip(params["layers"], keys, strict=True):
        x = minilm.layer(each, x, seen, layer_key, rate)
    return minilm.linear(params["head"], minilm.mean(x, mask))


def batches(examples: list[Example], encoded: Encoded, rng: random.Random | None):
    order = sorted(range(len(examples)), key=lambda at: len(examples[at].text) + (rng.random() * 12 if rng else 0))
    groups = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    if rng:
        rng.shuffle(groups)
    for group in groups:
        texts = [encoded.encode((examples[at].text, ""))[0] for at in group]
        longest = next(each for each in LENGTHS if each >= max(map(len, texts)))
        ids, mask = np.zeros((BATCH, longest), np.int64), np.zeros((BATCH, longest), np.float32)
        share, allowed = np.zeros((2, BATCH, len(ACTS)), np.float32)
        weight = np.zeros(BATCH, np.float32)
        for row, at in enumerate(group):
            ids[row, : len(texts[row])], mask[row, : len(texts[row])] = texts[row], 1
            share[row], allowed[row] = target(examples[at])
            weight[row] = examples[at].weight
        mask[len(group) :, 0] = 1
        x = encoded.embedded(ids, np.broadcast_to(np.arange(longest), ids.shape))
        yield x, mask, share, allowed, weight, group


def probabilities(params, examples: list[Example], encoded: Encoded, run) -> np.ndarray:
    found = np.zeros((len(examples), len(ACTS)), np.float32)
    for x, mask, _, _, _, group in batches(examples, encoded, None):
        found[group] = np.asarray(jax.nn.softmax(run(params, x, mask)))[: len(group)]
    return found


def accuracy(examples: list[Example], found: np.ndarray) -> float:
    best = found.argmax(1)
    return float(np.mean([ACTS[best[at]].value in each.allowed for at, each in enumerate(examples)]))


def report(examples: list[Example], found: np.ndarray) -> str:
    best = found.argmax(1)
    lines = []
    for act in ACTS:
        rows = [at for at, each in enumerate(examples) if each.allowed == (act.value,)]
        told = [at for at in range(len(examples)) if ACTS[best[at]] is act]
        right = sum(best[at] == INDEX[act.value] for at in rows)
        precise = sum(act.value in examples[at].allowed for at in told)
        wrong = [ACTS[best[at]].value for at in rows if best[at] != INDEX[act.value]]
        often = ", ".join(sorted(set(wrong), key=lambda each: -wrong.count(each))[:3])
        lines.append(f"{act.value:16} recall {right}/{len(rows)} precision {precise}/{len(told)} {often}")
    return "\n".join(lines)


def train(examples, check, encoded, *, epochs, rate, seed, out):
    rng = np.random.default_rng(seed)
    params = {
        "layers": [minilm.layer_params(encoded.tensors, at) for at in range(minilm.FROZEN, minilm.LAYERS)],
        "head": (rng.normal(0, 0.02, (minilm.WIDTH, len(ACTS))).astype(np.float32), np.zeros(len(ACTS), np.float32)),
    }
    frozen = [minilm.layer_params(encoded.tensors, at) for at in range(minilm.FROZEN)]
    steps = -(-len(examples) // BATCH) * epochs
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, steps // 15, steps, rate / 50)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.01))
    state = optimizer.init(params)

    def loss(params, x, mask, share, allowed, weight, key):
        found = jax.nn.log_softmax(logits(params, frozen, x, mask, key, 0.1))
        exact = share.sum(1)
        smooth = share * 0.95 + 0.05 / len(ACTS)
        several = -(smooth * found).sum(1)
        any_of = -jax.nn.logsumexp(found + jnp.log(allowed + 1e-9), axis=1)
        return (jnp.where(exact > 0, several, any_of) * weight).sum() / jnp.maximum(weight.sum(), 1e-6)

    @jax.jit
    def step(params, state, key, *batch):
        value, grads = jax.value_and_grad(loss)(params, *batch, key)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    run = jax.jit(lambda params, x, mask: logits(params, frozen, x, mask))
    shuffled, key = random.Random(seed), jax.random.PRNGKey(seed)
    began = time.time()
    for epoch in range(epochs):
        values = []
        for x, mask, share, allowed, weight, _ in batches(examples, encoded, shuffled):
            key, now = jax.random.split(key)
            params, state, value = step(params, state, now, x, mask, share, allowed, weight)
            values.append(float(value))
        told = " ".join(
            f"{name} {accuracy(some, probabilities(params, some, encoded, run)):.3f}" for name, some in check.items()
        )
        print(f"epoch {epoch} loss {np.mean(values):.4f} {time.time() - began:.0f}s {told}", flush=True)
        save(params, out)
    return params, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("acts.npz"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    encoded = Encoded()
    training, development = training_and_development()
    # The trades' rows are many and much alike; a quarter of them shows what questions of each trade sound like.
    examples = of_files(held=False) + of_trades(training, all_variants=True)[::4]
    check = {
        "development": of_trades(development, all_variants=False)[::4],
        "held phrasings": of_files(held=True),
        "held trades": of_trades(load(HELD_OUT.glob("*.json")), all_variants=False)[::3],
    }
    print(f"{len(examples)} examples; {', '.join(f'{name} {len(some)}' for name, some in check.items())}", flush=True)
    params, run = train(
        examples, check, encoded, epochs=options.epochs, rate=options.rate, seed=options.seed, out=options.out
    )
    print(report(check["held phrasings"], probabilities(params, check["held phrasings"], encoded, run)))


if __name__ == "__main__":
    main()
