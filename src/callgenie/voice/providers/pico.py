"""SVOX Pico, the speech engine inside `py-nanotts`, called by its own C interface.

The wheel's own function returns whole texts and holds the interpreter's lock for all of them: 30 ms in which no call
gets a frame. Pico's functions, which the same library exports, give the speech as it is made, and ctypes lets go of the
lock around each. Source: picoapi.h, SVOX Pico 1.0 (Apache-2.0).

Each utterance gets an engine of its own, which takes 1.3 ms: engines share nothing, so any number may run at once, and
one text always sounds the same.
"""

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from callgenie.kernel.weights import VoiceModelMissingError, Weights
from callgenie.voice.ports import ProviderError

PROVIDER: Final = "nanotts"
PICO_RATE: Final = 16_000

_REQUIREMENT: Final = "py-nanotts==0.1.1"

_OK: Final = 0
_IDLE: Final = 200
_BUSY: Final = 201

_MEMORY_BYTES: Final = 2_500_000  # what the largest voice needs, by Pico's own programs
_NAME_BYTES: Final = 200
_OUT_BYTES: Final = 1_024
_TEXT_BYTES_MAX: Final = 32_000  # a signed 16-bit length

_VOICE: Final = b"voice"


class PicoLibrary:
    """The shared library and the checked voice files."""

    def __init__(self, voices: dict[str, Weights], models_dir: Path | None) -> None:
        self.folders = {voice: weights.locate(models_dir) for voice, weights in voices.items()}
        self.files = {voice: tuple(weights.sha256) for voice, weights in voices.items()}
        self._library = _load()

    def speak(self, voice: str, text: str) -> Iterator[bytes]:
        """Yield 16 kHz PCM in small pieces. Computes; take it in a worker.

        Raises:
            ProviderError: Pico failed.
        """
        paths = [str(self.folders[voice] / file).encode() for file in self.files[voice]]
        with self._engine(paths) as engine:
            data = text.encode()[: _TEXT_BYTES_MAX - 1] + b"\0"  # the zero says that the text ends here
            taken = ctypes.c_int16()
            while data:
                self._expect(self._library.pico_putTextUtf8(engine, data, len(data), ctypes.byref(taken)))
                data = data[taken.value :]
                yield from self._made(engine)

    def _made(self, engine: ctypes.c_void_p) -> Iterator[bytes]:
        out = ctypes.create_string_buffer(_OUT_BYTES)
        size, kind = ctypes.c_int16(), ctypes.c_int16()
        get, size_at, kind_at = self._library.pico_getData, ctypes.byref(size), ctypes.byref(kind)
        while True:
            state = get(engine, out, _OUT_BYTES, size_at, kind_at)
            if size.value > 0:
                yield out.raw[: size.value]
            if state == _IDLE:
                return
            if state != _BUSY:
                raise ProviderError(PROVIDER, "failed", permanent=False)

    @contextmanager
    def _engine(self, paths: list[bytes]) -> Iterator[ctypes.c_void_p]:
        library = self._library
        memory = ctypes.create_string_buffer(_MEMORY_BYTES)
        system, engine = ctypes.c_void_p(), ctypes.c_void_p()
        with ExitStack() as undone:
            self._expect(library.pico_initialize(memory, _MEMORY_BYTES, ctypes.byref(system)))
            undone.callback(library.pico_terminate, ctypes.byref(system))
            self._expect(library.pico_createVoiceDefinition(system, _VOICE))
            for path in paths:
                resource = self._add(system, path)
                undone.callback(library.pico_unloadResource, system, ctypes.byref(resource))
            undone.callback(library.pico_releaseVoiceDefinition, system, _VOICE)
            self._expect(library.pico_newEngine(system, _VOICE, ctypes.byref(engine)))
            undone.callback(library.pico_disposeEngine, system, ctypes.byref(engine))
            yield engine

    def _add(self, system: ctypes.c_void_p, path: bytes) -> ctypes.c_void_p:
        resource, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_BYTES)
        self._expect(self._library.pico_loadResource(system, path, ctypes.byref(resource)))
        self._expect(self._library.pico_getResourceName(system, resource, name))
        self._expect(self._library.pico_addResourceToVoiceDefinition(system, _VOICE, name))
        return resource

    def _expect(self, status: int) -> None:
        if status != _OK:
            raise ProviderError(PROVIDER, "failed", permanent=False)


def _load() -> ctypes.CDLL:
    spec = find_spec("py_nanotts")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    for path in folder.glob("_nanotts*.so") if folder is not None else ():
        library = ctypes.CDLL(str(path))
        if hasattr(library, "pico_getData"):
            return library
    raise VoiceModelMissingError(f"The voice nanotts is not installed; run: pip install '{_REQUIREMENT}'")
