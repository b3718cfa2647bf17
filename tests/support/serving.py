"""Serves an ASGI app inside the test's own loop, over a real loopback socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve `app` and give its base URL; works on a virtual loop too."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio sets it only on sockets that name their protocol; without it, a second answer waits 40 ms for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="on"))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield url
        finally:
            server.should_exit = True
            await running
