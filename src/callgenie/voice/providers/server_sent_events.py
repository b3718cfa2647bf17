"""Reads a stream of server-sent events, of which language models use the data lines only.

Source: WHATWG, HTML Living Standard, section 9.2.6 "Interpreting an event stream".
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

# A piece of an answer is a few hundred bytes. Something that never breaks its lines is no stream of events.
EVENT_BYTES_MAX: Final = 256 * 1024


class NoEventStreamError(ValueError):
    """What came is not a stream of server-sent events."""


async def data_of(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """Yield the data of each event.

    An event that was still open when the stream ended is given, too: some servers leave out the last empty line.

    Raises:
        NoEventStreamError: An event is larger than `EVENT_BYTES_MAX`, or is not UTF-8.
    """
    rest, data = b"", list[bytes]()
    async for chunk in chunks:
        # Only line feeds end lines here: JSON may hold the other separators that `str.splitlines` knows.
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")  # noqa: PLW2901 - the same line, ended otherwise
            if line.startswith(b"data:"):
                data.append(line.removeprefix(b"data:").removeprefix(b" "))
            elif not line and data:
                yield _text(data)
                data.clear()
        if len(rest) + sum(map(len, data)) > EVENT_BYTES_MAX:
            raise NoEventStreamError
    if rest.startswith(b"data:"):
        data.append(rest.rstrip(b"\r").removeprefix(b"data:").removeprefix(b" "))
    if data:
        yield _text(data)


def _text(data: list[bytes]) -> str:
    try:
        return b"\n".join(data).decode()
    except UnicodeDecodeError as error:
        raise NoEventStreamError from error
