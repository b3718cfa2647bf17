"""Who was erased from this installation, and must not come back with a backup that is older.

The record of erasures is a file of the data folder and never part of a backup: one JSON object a line, with `userId`
and `at`.
"""

import json
import re
from pathlib import Path
from typing import Final

from bson import ObjectId
from bson.errors import InvalidId

from callgenie.kernel.errors import InvalidError

# A crash may have cut the last line short. Whose it is stands first.
_CUT_SHORT: Final = re.compile(r'\{"userId": "([0-9a-f]{24})"')


class ErasureRecordUnreadableError(InvalidError):
    """Who was erased cannot be read, so nobody can be kept from coming back."""

    code = "erasure_record_unreadable"


def read_erasures(path: Path) -> list[str]:
    """Return the ids of the erased users; none when there is no file, because nobody was erased.

    Raises:
        ErasureRecordUnreadableError: A line cannot be understood. It may be anybody's.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ErasureRecordUnreadableError(f"The record of erasures {path} cannot be read: {error}.") from error
    found: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            user_id = _whose(line, is_last=number == len(lines))
            if user_id is None:
                raise ErasureRecordUnreadableError(
                    f"Line {number} of {path} does not say who was erased. Mend it first: without it "
                    "a restore would bring back somebody who asked to be forgotten."
                )
            found[user_id] = None
    return list(found)


def _whose(line: str, *, is_last: bool) -> str | None:
    try:
        return str(ObjectId(json.loads(line)["userId"]))
    except (ValueError, TypeError, KeyError, InvalidId):
        cut = _CUT_SHORT.match(line) if is_last else None
        return cut[1] if cut else None
