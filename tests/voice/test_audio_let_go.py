"""Audio is let go of as soon as it is of no use, and not when the garbage collector comes to it.

The parts of a call know each other in circles, which only a full collection takes apart, and a server makes one every
few hundred calls. What weighs something must not wait for that.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.fake_link import quiet, voice
from tests.support.held_call import held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.mouth import Mouth
from callgenie.voice.playback import Passage
from callgenie.voice.session import CallSession

QUESTION = "When are you open?"
# Three hundred milliseconds of what the ear remembers are less, and one sentence is many times more.
LITTLE_BYTES = 5_000


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect what other tests have left, and then nothing more."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def unsent_bytes() -> int:
    """Return how much audio there is in passages, also in those that only wait to be collected."""
    return sum(len(found.pcm) for found in gc.get_objects() if isinstance(found, Passage))


def audio_bytes(session: CallSession) -> int:
    """Return how much audio can be reached from a session by way of the voice room's own objects."""
    seen: set[int] = set()
    found: list[object] = [session]
    size = 0
    while found:
        thing = found.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, bytes | bytearray):
            size += len(thing)
        elif not isinstance(thing, type) and type(thing).__module__.startswith(("callgenie.voice", "builtins", "coll")):
            found += [each for each in gc.get_referents(thing) if type(each).__module__ != "builtins" or _holds(each)]
    return size


def _holds(thing: object) -> bool:
    return isinstance(thing, bytes | bytearray | dict | list | tuple | set) or hasattr(thing, "__self__")


@virtually
async def test_a_call_that_is_over_holds_no_audio() -> None:
    async with held_call([QUESTION]) as call:
        # The caller hangs up in the middle of the answer, of which more was made than sent.
        call.link.says(quiet(3_000), voice(1_200), quiet(2_500), voice(100))
        await asyncio.sleep(6.5)
        assert audio_bytes(call.session) > 10 * LITTLE_BYTES
        call.link.hangs_up()
        await call.ended()
        assert audio_bytes(call.session) < LITTLE_BYTES


@virtually
async def test_what_calls_leave_to_the_collector_is_no_audio_not_even_of_answers_that_were_talked_over() -> None:
    with no_collection():
        for _ in range(3):
            async with held_call([QUESTION, QUESTION]) as call:
                # The second question comes in the middle of the first answer, the end in the middle of the second.
                call.link.says(quiet(3_000), voice(1_200), quiet(2_500), voice(1_200))
                await asyncio.sleep(11)
            assert [turn.interrupted for turn in call.turns(TurnRole.ASSISTANT)] == [False, True, True]
        del call
        # The calls themselves are still there, in circles.
        assert any(isinstance(found, Mouth) for found in gc.get_objects())
        assert unsent_bytes() == 0
