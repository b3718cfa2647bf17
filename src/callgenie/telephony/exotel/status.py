"""Exotel's status callbacks, in the three forms in which they come.

See https://developer.exotel.com/docs/voice-v1/api-reference/status-callback
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl

from callgenie.telephony.messages import CarrierProtocolError, sid_of, text_of

# Exotel sends some thirty fields.
_FIELDS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a call, in Exotel's word."""

    call_sid: str
    status: str


def read_status(body: bytes, content_type: str) -> StatusReport:
    """Return what a callback says.

    Raises:
        CarrierProtocolError: It is no callback, or names no call.
    """
    fields = _fields(body, content_type)
    try:
        return StatusReport(sid_of(fields["CallSid"]), text_of(fields["Status"]))
    except KeyError as error:
        raise CarrierProtocolError("A status callback has a CallSid and a Status.") from error


def _fields(body: bytes, content_type: str) -> Mapping[str, object]:
    try:
        if content_type.startswith("application/json"):
            document = json.loads(body)
            return document if isinstance(document, dict) else {}
        if content_type.startswith("multipart/form-data"):
            return _parts(body, content_type)
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except (ValueError, RecursionError) as error:
        raise CarrierProtocolError("A status callback is a form or a JSON object.") from error


def _parts(body: bytes, content_type: str) -> Mapping[str, object]:
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    form = BytesParser(EmailMessage, policy=policy.HTTP).parsebytes(head + body)
    fields: dict[str, object] = {}
    for part in islice(form.iter_parts(), _FIELDS_MAX):
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content.decode("utf-8", "replace").strip()
    return fields
