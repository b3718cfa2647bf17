"""Where recordings are kept, and what writes, stores, plays and removes them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from callgenie.calls.recorded import NOT_RECORDED, Recorders, Recording
from callgenie.kernel.clock import Clock
from callgenie.mongo.client import Database
from callgenie.recordings.links import RecordingLinks
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.obstore_objects import FolderObjects, bucket_objects
from callgenie.recordings.player import Player
from callgenie.recordings.removals import Removals
from callgenie.recordings.spill import SPILL_FOLDER, SpillFolder
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.uploads import Uploads
from callgenie.recordings.watch import RecordingWatch
from callgenie.settings import Settings

_FOLDER: Final = "recordings"

# A second of sound of a call takes a disk a few microseconds. One thread goes on while the other waits for a long
# fsync; a disk that hangs holds these, and nobody else's.
_THREADS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingServices:
    """All there is around recordings."""

    store: ObjectStore
    states: RecordingStates
    links: RecordingLinks
    player: Player
    uploads: Uploads
    removals: Removals
    calls: Recording
    threads: ThreadPoolExecutor


def build_object_store(settings: Settings) -> ObjectStore:
    """Return where recordings are kept. Nothing is asked or made yet."""
    if settings.recordings_url is None:
        return FolderObjects(settings.data_dir.expanduser().absolute() / _FOLDER)
    parts = urlsplit(settings.recordings_url)
    path = unquote(parts.path)
    if parts.scheme == "file":
        return FolderObjects(Path(path))
    secret = settings.recordings_s3_secret
    return bucket_objects(
        parts.netloc,
        path.strip("/"),
        endpoint=settings.recordings_s3_endpoint,
        region=settings.recordings_s3_region,
        key_id=settings.recordings_s3_key_id,
        secret=None if secret is None else secret.get_secret_value(),
    )


def build_recordings(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    secret: str,
    clock: Clock,
    watch: RecordingWatch,
    *,
    origin: str,
) -> RecordingServices:
    """Put together all there is around recordings; links lead to `origin`."""
    states = RecordingStates(database.db)
    spill = SpillFolder(settings.data_dir.expanduser().absolute() / SPILL_FOLDER)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="recordings")
    lifetime = timedelta(minutes=settings.recording_link_minutes)
    calls = Recorders(
        spill=spill,
        states=states,
        threads=threads,
        clock=clock,
        keep_days=settings.recording_days,
        watch=watch,
    )
    links = RecordingLinks(secret.encode(), clock, origin=origin, lifetime=lifetime)
    return RecordingServices(
        store=store,
        states=states,
        links=links,
        player=Player(links, states, store),
        uploads=Uploads(spill, store, states, threads, watch),
        removals=Removals(store, states),
        calls=calls if settings.recordings == "on" else NOT_RECORDED,
        threads=threads,
    )
