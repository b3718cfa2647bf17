"""How Python's garbage collector works in a process that serves."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

# Every so many collections of the middle generation the old one is looked through too; Python's own value is 10. A call
# leaves some 300 objects, so this is after about 20 calls: little to look through, and little that waits for it.
_MIDDLE_COLLECTIONS: Final = 2


@contextmanager
def set_aside_what_is_loaded() -> Generator[None, None, None]:
    """Keep everything that is there by now out of all collections during the block, and collect the rest soon.

    These are some hundred thousand objects that stay for as long as the process. Looking through them takes a tenth
    of a second or two, in which no call is heard. So Python does it only once a quarter as many have come, and until
    then all that ended calls leave behind in circles lies about.
    """
    young, middle, old = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, _MIDDLE_COLLECTIONS)
    # From the last full collection Python knows how many there are: from now on next to none.
    gc.collect()
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        gc.unfreeze()
