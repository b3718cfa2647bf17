"""What the garbage collector looks through in a process that serves, and how soon it gives back what calls leave."""

import gc
import weakref

from tests.support.accounts import JWT_SECRET, PEPPER

from callgenie.cli.garbage import set_aside_what_is_loaded
from callgenie.cli.serve import assembler
from callgenie.kernel.secret_file import Secrets
from callgenie.mongo.client import Database
from callgenie.settings import Settings
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import scripted_providers

# The modules alone are more than this.
PROGRAM_OBJECTS = 100_000
# What some dozen calls leave in circles, and far less than a quarter of the program.
LEFTOVERS = 8_000
# More than are looked through at once while they are young. Twice so many turns are too few for Python's own values.
YOUNG = 800
TURNS = 45


class Leftover:
    """Something that knows itself, as the parts of a call do."""

    def __init__(self) -> None:
        self.itself = self


def leftovers_are_collected() -> bool:
    """Let circles grow old while they are in use, then leave them, and go on working for about as long again."""
    calls = [Leftover() for _ in range(LEFTOVERS)]
    last = weakref.ref(calls[-1])
    keep_busy()
    del calls
    keep_busy()
    return last() is None


def keep_busy() -> None:
    for _ in range(TURNS):
        assert len([[] for _ in range(YOUNG)]) == YOUNG


async def scripted() -> VoiceProviders:
    return scripted_providers((), {})


def test_what_is_left_in_circles_is_collected_soon_however_large_the_program_is() -> None:
    program = [[] for _ in range(PROGRAM_OBJECTS)]  # type: ignore[var-annotated]
    gc.collect()
    assert not leftovers_are_collected(), "this would need no help"
    with set_aside_what_is_loaded():
        assert leftovers_are_collected()
    assert len(program) == PROGRAM_OBJECTS


def test_afterwards_everything_is_looked_through_as_before() -> None:
    before = gc.get_threshold()
    with set_aside_what_is_loaded():
        assert gc.get_freeze_count() > PROGRAM_OBJECTS
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)


async def test_the_server_sets_aside_what_it_has_loaded(connected: Database) -> None:
    settings, secrets = Settings(_env_file=None), Secrets(JWT_SECRET, PEPPER)
    async with assembler(scripted)(settings, connected, secrets, "http://callgenie.test"):
        assert gc.get_freeze_count() > PROGRAM_OBJECTS
    assert gc.get_freeze_count() == 0
