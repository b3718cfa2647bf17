"""Structured logs: one event a line, JSON for machines or coloured for people, nothing private in either.

Events are constants such as `call.answered`, facts are keys. A transcript, a number or an address may only be given
under one of the keys in `PRIVATE_KEYS`, which the redactor blanks before any line is written.
"""

import logging
import sys
from collections.abc import Iterable
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

PRIVATE_KEYS: Final = frozenset(
    {
        "address",
        "authorization",
        "body",
        "email",
        "from_number",
        "name",
        "number",
        "password",
        "phone",
        "text",
        "to_number",
        "token",
        "transcript",
        "uri",
    }
)
_HIDDEN: Final = "[hidden]"


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank the values of private keys."""
    for key in PRIVATE_KEYS.intersection(event):
        event[key] = _HIDDEN
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]


def _renderers(style: str, stream: TextIO) -> Iterable[Processor]:
    if style == "console" or (style == "auto" and stream.isatty()):
        # The renderer's own tracebacks print local variables, and those hold what callers said.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def set_up_logging(level: str, style: str, stream: TextIO = sys.stderr) -> None:
    """Send every log line of the program, ours and the libraries', to `stream`.

    Args:
        level: The least serious level written: debug, info, warning or error.
        style: `json`, `console`, or `auto` for console where a terminal is there.
        stream: Where lines go; standard error keeps standard output free for a command's answer.
    """
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style, stream)],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These say at info what our own request log says, once for each connection or frame.
    for noisy in ("uvicorn.access", "uvicorn.error", "websockets", "httpx", "httpcore", "pymongo", "faster_whisper"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
