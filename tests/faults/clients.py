"""Many clients that save exchanges over plain sockets, in a process of their own: cheap enough to outdo a server.

`python -m tests.faults.clients URL TOKEN peak|rate SECONDS [REQUESTS_A_SECOND]` prints what came back, as JSON.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tests.faults.workload import CALLER
from tests.support.processes import ROOT, output_of

# Enough to keep one server as busy as it can be.
_CLIENTS: Final = 24
# What a client waits for an answer before it is of no use any more.
_IN_TIME_SECONDS: Final = 5.0
_OUT_AT_ONCE_MAX: Final = 500
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and who sends them."""

    url: str
    token: str


@dataclass
class Tally:
    """What came back. `told` counts HTTP statuses; 0 is no answer. `without_retry_after` counts 429 and 5xx."""

    seconds: float
    sent: int = 0
    in_time: int = 0
    without_retry_after: int = 0
    told: Counter[str] = field(default_factory=Counter)

    @property
    def goodput(self) -> float:
        """Requests a second that were done in time."""
        return self.in_time / self.seconds

    @property
    def rate(self) -> float:
        """Requests a second that were sent."""
        return self.sent / self.seconds


async def at_peak(target: Target, seconds: float) -> Tally:
    """Keep the server as busy as it can be."""
    return await _elsewhere(target, "peak", seconds)


async def at_rate(target: Target, rate: float, seconds: float) -> Tally:
    """Send so many a second, whatever becomes of them."""
    return await _elsewhere(target, "rate", seconds, rate)


async def _elsewhere(target: Target, how: str, *figures: float) -> Tally:
    arguments = [target.url, target.token, how, *map(str, figures)]
    command = (sys.executable, "-m", "tests.faults.clients", *arguments)
    return Tally(**json.loads(await output_of(*command, cwd=ROOT)))


class _Clients:
    def __init__(self, target: Target) -> None:
        address = urlsplit(target.url)
        self._host, self._port = address.hostname, address.port
        self._head = (
            f"POST /api/user/conversations HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {target.token}\r\nContent-Type: application/json\r\nContent-Length: "
        )
        self._numbers = itertools.count()
        # The process and the moment, so that no two runs save the same.
        self._run = time.time_ns()
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self.out = 0

    async def save(self, tally: Tally) -> None:
        """Send one, and count what came back."""
        body = json.dumps(
            {
                "sessionId": f"load-{self._run}-{next(self._numbers)}",
                "phoneNumber": CALLER,
                "userMessage": "Do you deliver?",
                "aiResponse": "Yes, inside the city.",
            }
        )
        began = time.monotonic()
        self.out += 1
        tally.sent += 1
        try:
            status, head = await asyncio.wait_for(self._ask(f"{self._head}{len(body)}\r\n\r\n{body}".encode()), 30)
        except (OSError, EOFError, TimeoutError):
            tally.told["0"] += 1
            return
        finally:
            self.out -= 1
        tally.told[str(status)] += 1
        tally.in_time += 200 <= status < 300 and time.monotonic() - began <= _IN_TIME_SECONDS
        tally.without_retry_after += (status >= 500 or status == _TOO_MANY) and b"retry-after" not in head

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), head

    async def peak(self, seconds: float) -> Tally:
        tally, end = Tally(seconds), time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < end:
                await self.save(tally)

        await asyncio.gather(*(client() for _ in range(_CLIENTS)))
        return tally

    async def rate(self, seconds: float, rate: float) -> Tally:
        tally, began, due = Tally(seconds), time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while (passed := time.monotonic() - began) < seconds:
                wanted = int(passed * rate) - due
                due += wanted
                # Clients that drown in their own requests measure themselves.
                for _ in range(max(0, min(wanted, _OUT_AT_ONCE_MAX - self.out))):
                    group.create_task(self.save(tally))
                await asyncio.sleep(0.01)
        return tally


def main() -> None:
    """Send what the command line says, and print what came back."""
    url, token, how, *figures = sys.argv[1:]
    clients = _Clients(Target(url, token))
    tally = asyncio.run(getattr(clients, how)(*map(float, figures)))
    print(json.dumps(vars(tally)))  # noqa: T201 -- a command prints


if __name__ == "__main__":
    main()
