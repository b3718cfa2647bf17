"""Stands in for ElevenLabs' streamed speech: checks requests, and really speaks.

Source: ElevenLabs API reference, "Stream speech", and its help pages on errors (`detail.status`).
"""

from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.support.vendors.faults import Fault, Misfortune, stream
from tests.support.vendors.openai_audio import made_of

KEY: Final = "the-key-of-a-test"
MODEL: Final = "eleven_flash_v2_5"
VOICE: Final = "JBFqnCBsd6RMkjVDRZzb"

_RATE: Final = 16_000


def refused(status: int, code: str) -> Fault:
    """Return a refusal in ElevenLabs' words."""
    return Fault(status, {"detail": {"status": code, "message": "No."}})


class ElevenLabs:
    """The server. `bodies` are the requests that it took."""

    def __init__(self) -> None:
        self.misfortune = Misfortune()
        self.bodies: list[dict[str, Any]] = []
        self.app = Starlette(
            routes=[
                Route("/v1/text-to-speech/{voice_id}/stream", self._speak, methods=["POST"]),
                Route("/v1/models", self._list_models),
            ]
        )

    async def _speak(self, request: Request) -> Response:
        if request.headers.get("xi-api-key") != KEY:
            return _problem(401, "invalid_api_key")
        if request.path_params["voice_id"] != VOICE:
            return _problem(404, "voice_not_found")
        body = await request.json()
        if dict(request.query_params) != {"output_format": f"pcm_{_RATE}"} or set(body) != {"text", "model_id"}:
            return JSONResponse({"detail": [{"loc": ["query"], "msg": "Invalid", "type": "enum"}]}, 422)
        if body["model_id"] != MODEL:
            return _problem(400, "model_not_found")
        fault = await self.misfortune.befall(request)
        if isinstance(fault, Response):
            return fault
        self.bodies.append(body)
        return stream(fault, made_of(body["text"], _RATE), "audio/pcm")

    async def _list_models(self, request: Request) -> Response:
        if request.headers.get("xi-api-key") != KEY:
            return _problem(401, "invalid_api_key")
        return JSONResponse([{"model_id": MODEL, "can_do_text_to_speech": True}])


def _problem(status: int, code: str) -> JSONResponse:
    return JSONResponse(dict(refused(status, code).body), status)
