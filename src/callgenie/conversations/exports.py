"""Conversations as files: a spreadsheet's rows, or a line of JSON each."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Final

from callgenie.conversations.models import Conversation
from callgenie.conversations.schemas import ConversationItem, ConversationView, RecordingView
from callgenie.http.downloads import safe_cell

_COLUMNS: Final = {name: str(field.alias) for name, field in ConversationItem.model_fields.items()}


async def csv_of(conversations: AsyncIterator[Conversation]) -> AsyncIterator[bytes]:
    """Yield a header and a row for each conversation, as a list shows it (RFC 4180, UTF-8)."""
    yield _row(_COLUMNS.values())
    async for conversation in conversations:
        item = ConversationItem.of(conversation)
        yield _row(_cell(getattr(item, name)) for name in _COLUMNS)


async def json_lines_of(conversations: AsyncIterator[Conversation]) -> AsyncIterator[bytes]:
    """Yield each conversation with all its turns, as the API shows it, on a line of its own."""
    async for conversation in conversations:
        yield ConversationView.of(conversation).model_dump_json().encode() + b"\n"


def _cell(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        # Never the beginning of a formula, and a number must stay one.
        case int():
            return str(value)
        case RecordingView():
            return value.state
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
    return safe_cell(value)


def _row(cells: Iterable[str]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()
