"""What a log line may show."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from callgenie.observability.logging import PRIVATE_KEYS, set_up_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    out = io.StringIO()
    set_up_logging("info", "json", out)
    yield out
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_a_line_is_one_json_object_with_its_time_and_level(stream: io.StringIO) -> None:
    structlog.get_logger().info("call.answered", session="CA1")
    line = json.loads(stream.getvalue())
    assert line["event"] == "call.answered"
    assert line["level"] == "info"
    assert line["session"] == "CA1"
    assert line["timestamp"].endswith("Z")


def test_nothing_private_reaches_a_line(stream: io.StringIO) -> None:
    canary = "canary-7f3a"
    structlog.get_logger().info("anything", **dict.fromkeys(PRIVATE_KEYS, canary))
    assert canary not in stream.getvalue()
    assert json.loads(stream.getvalue())["password"] == "[hidden]"


def test_a_library_s_line_looks_like_ours(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("careful")
    assert json.loads(stream.getvalue())["event"] == "careful"


def test_a_line_below_the_level_is_not_written(stream: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("some.library").debug("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_local_variables(style: str, stream: io.StringIO) -> None:
    set_up_logging("info", style, stream)
    transcript = "my card number is canary"
    try:
        len(transcript) // (len(transcript) - len(transcript))
    except ZeroDivisionError:
        structlog.get_logger().exception("call.failed")
    assert "Traceback" in stream.getvalue()
    assert "is canary" not in stream.getvalue().replace('transcript = "my card number is canary"', "")
