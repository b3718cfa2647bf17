"""The folder that mongodump writes and mongorestore reads: what its files are called, and what is in them.

For each collection `NAME.bson` has the documents one after the other as the server keeps them, and
`NAME.metadata.json` in extended JSON has what is needed to make the collection again. With gzip both end in `.gz`.
Source: MongoDB Database Tools, `mongodump`, "Output" and "Metadata".
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, cast
from urllib.parse import quote, unquote

from bson import json_util
from bson.errors import BSONError

from callgenie.mongo.errors import DumpUnreadableError

Document = dict[str, Any]

DATA: Final = ".bson"
METADATA: Final = ".metadata.json"
GZIP: Final = ".gz"

# The server takes documents of 16 MiB, and keeps slightly larger ones of its own.
_DOCUMENT_BYTES_MAX: Final = 16 * 1024 * 1024 + 16 * 1024
_DOCUMENT_BYTES_MIN: Final = 5
_LENGTH_BYTES: Final = 4

# Files are for whoever makes the backup alone: everything that callers said is in them.
_MODE: Final = 0o600

# Higher levels take several times as long and save a few per cent of what conversations become.
_GZIP_LEVEL: Final = 6

# What mongodump writes of the server beside its collections, under names no collection of ours can have.
_OF_THE_SERVER: Final = ("$admin.", "system.")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a collection is made with. `kind` is `collection`, `view` or `timeseries`."""

    name: str
    options: Document = field(default_factory=dict)
    indexes: list[Document] = field(default_factory=list)
    uuid: str = ""
    kind: str = "collection"

    def to_json(self) -> str:
        """Return it as mongodump writes it: canonical extended JSON, so that an integer stays one."""
        content: Document = {"indexes": self.indexes, "uuid": self.uuid, "collectionName": self.name, "type": self.kind}
        if self.options:
            content["options"] = self.options
        return json_util.dumps(content, json_options=json_util.CANONICAL_JSON_OPTIONS, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class DumpedCollection:
    """One collection in a folder; `data` is None where only what it is made with was kept."""

    metadata: Metadata
    data: Path | None

    @property
    def name(self) -> str:
        """The collection's name."""
        return self.metadata.name

    @property
    def size(self) -> int:
        """How many bytes its file has on disk."""
        return self.data.stat().st_size if self.data is not None else 0


class DumpFile:
    """A file of a dump that is being written; on the disk for good once it is closed."""

    def __init__(self, folder: Path, name: str, *, compress: bool) -> None:
        path = folder / (name + GZIP if compress else name)
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb")
        # No name and no time in the header: the same documents give the same file.
        self._stream: BinaryIO = (
            cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, self._file, mtime=0)) if compress else self._file
        )

    def write(self, data: bytes) -> None:
        """Append."""
        self._stream.write(data)

    def close(self) -> None:
        """Write out what is left."""
        if self._stream is not self._file:
            self._stream.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def file_name(collection: str) -> str:
    """Return how a collection's files begin: what a file's name cannot have is percent-encoded."""
    return quote(collection, safe="$&=:@")


def count_documents(batch: bytes) -> int:
    """Count the documents that follow each other in `batch`."""
    count = at = 0
    while at < len(batch):
        at += int.from_bytes(batch[at : at + _LENGTH_BYTES], "little")
        count += 1
    return count


def collections_in(folder: Path) -> list[DumpedCollection]:
    """Return the collections of a database's folder, by name. What belongs to the server is left out.

    Raises:
        DumpUnreadableError: The folder or one of its descriptions cannot be read.
    """
    files: dict[str, dict[str, Path]] = {}
    with _readable(folder):
        for path in sorted(folder.iterdir()):
            for ending in (DATA, METADATA):
                stem = path.name.removesuffix(GZIP)
                if stem.endswith(ending):
                    files.setdefault(stem.removesuffix(ending), {})[ending] = path
    found = [_collection(unquote(stem), parts) for stem, parts in files.items()]
    return [each for each in found if not each.name.startswith(_OF_THE_SERVER)]


def documents_in(path: Path) -> Iterator[bytes]:
    """Yield the raw documents of a file.

    Raises:
        DumpUnreadableError: The file is cut off or is no such file.
    """
    with _readable(path), _open(path) as stream:
        while head := stream.read(_LENGTH_BYTES):
            length = int.from_bytes(head, "little")
            if len(head) < _LENGTH_BYTES or not _DOCUMENT_BYTES_MIN <= length <= _DOCUMENT_BYTES_MAX:
                raise DumpUnreadableError(f"{path} is damaged: what follows its last document is no document.")
            rest = stream.read(length - _LENGTH_BYTES)
            if len(rest) < length - _LENGTH_BYTES or rest[-1]:
                raise DumpUnreadableError(f"{path} is damaged: it ends in the middle of a document.")
            yield head + rest


def _collection(name: str, parts: dict[str, Path]) -> DumpedCollection:
    # A folder with documents and no description is what older tools and hands leave: indexes come from elsewhere.
    described = parts.get(METADATA)
    metadata = Metadata(name) if described is None else _read_metadata(described, name)
    return DumpedCollection(metadata, parts.get(DATA))


def _read_metadata(path: Path, name: str) -> Metadata:
    with _readable(path), _open(path) as stream:
        try:
            content = json_util.loads(stream.read().decode())
        except (ValueError, TypeError, BSONError) as error:
            raise DumpUnreadableError(f"{path} is no extended JSON.") from error
    match content:
        case {"indexes": list(indexes)}:
            return Metadata(
                # Only there are names kept that were too long for a file.
                name=str(content.get("collectionName") or name),
                options=content.get("options") or {},
                indexes=indexes,
                uuid=str(content.get("uuid") or ""),
                kind=str(content.get("type") or "collection"),
            )
    raise DumpUnreadableError(f"{path} does not say which indexes the collection has.")


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.name.endswith(GZIP) else path.open("rb")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the operating system or the decompressor says about a file into a sentence."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise DumpUnreadableError(f"{path} is damaged: it cannot be unpacked to its end.") from error
    except OSError as error:
        raise DumpUnreadableError(f"{path} cannot be read: {error.strerror or error}.") from error
