"""Reads speech that a vendor sends as it is made, and brings it to a call's rate."""

from collections.abc import AsyncGenerator
from typing import Final

import httpx

from callgenie.audio.resample import Resampler
from callgenie.voice.providers.hosted_api import HostedApi

# A tenth of a second at the usual rates. Pieces as small as the network's would be resampled at the cost of many.
_PIECE_SECONDS: Final = 0.1

# Vendors name their PCM differently, but none of them calls it text.
_NO_SOUND: Final = ("text/", "application/json")


async def pcm_of(api: HostedApi, response: httpx.Response, *, made_at: int, sample_rate: int) -> AsyncGenerator[bytes]:
    """Yield a body of 16-bit little-endian mono PCM, made at one rate, at another.

    Raises:
        ProviderError: It is no sound, ends within a sample, or holds nothing or less than a word.
    """
    if response.headers.get("content-type", "").startswith(_NO_SOUND):
        raise api.failure("garbage")
    resampler = Resampler(made_at, sample_rate)
    wanted = int(made_at * _PIECE_SECONDS) * 2
    waiting, spoke = b"", False
    async for chunk in response.aiter_bytes():
        waiting += chunk
        if len(waiting) < wanted:
            continue
        whole = len(waiting) // 2 * 2
        piece, waiting = resampler.push(waiting[:whole]), waiting[whole:]
        if piece:
            spoke = True
            yield piece
    if len(waiting) % 2:
        raise api.failure("cut_off")
    if not spoke:
        # No word is as short as a tenth of a second: whatever this is, it leaves the sentence unsaid.
        raise api.failure("garbage" if waiting else "empty")
    last = resampler.push(waiting) + resampler.flush()
    if last:
        yield last
