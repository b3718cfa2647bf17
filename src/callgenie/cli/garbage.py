"""How Python's garbage collector works in a process that serves."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def set_aside_what_is_loaded() -> Generator[None, None, None]:
    """Keep everything that is there by now out of all collections during the block.

    These are some hundred thousand objects that stay for as long as the process. Looking through them takes a tenth
    of a second or two, in which no call is heard. So Python does it only once a quarter as many have come, and until
    then all that ended calls leave behind in circles lies about.
    """
    gc.collect()
    gc.freeze()
    # From the last full collection Python knows how many there are: from now on next to none.
    gc.collect()
    try:
        yield
    finally:
        gc.unfreeze()
