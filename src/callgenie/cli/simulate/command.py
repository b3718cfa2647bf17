"""The command: reads the script, plays it, and exits with whether it went as expected."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
import typer
from rich.console import Console

from callgenie.audio.errors import RecordingUnreadableError
from callgenie.cli.models_dir import ModelsDir
from callgenie.cli.simulate.judge import SimulatedCallOutcome
from callgenie.cli.simulate.run import Dial, hold
from callgenie.cli.simulate.scenario import CarrierKind, Scenario
from callgenie.cli.simulate.script_file import ScriptFaultError, read_script
from callgenie.cli.simulate.telling import document_of, show, teller
from callgenie.cli.terminal import err, out, run
from callgenie.kernel.phone import is_e164
from callgenie.telephony.simulator.carrier import SimulatedCarrier
from callgenie.telephony.simulator.exotel import SimulatedExotel
from callgenie.telephony.simulator.script import Step, rehearse
from callgenie.voice.ports import TextToSpeech
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.whisper import WhisperSpeechToText
from callgenie.voice.providers.workers import Workers

EXIT_FAILED: Final = 1
EXIT_SCRIPT: Final = 2
CALLS_MAX: Final = 50

_ADDRESS: Final = "http://127.0.0.1:4000"


def simulate(
    script: Annotated[Path | None, typer.Argument(help="The script, a YAML file; --example shows one.")] = None,
    url: Annotated[str, typer.Option(help="Where the server listens.")] = _ADDRESS,
    public_url: Annotated[
        str | None, typer.Option(help="PUBLIC_URL of the server, over which Twilio's requests are signed; else --url.")
    ] = None,
    auth_token: Annotated[
        str, typer.Option(help="TWILIO_AUTH_TOKEN of the server.", envvar="TWILIO_AUTH_TOKEN", show_envvar=True)
    ] = "",
    exotel_secret: Annotated[
        str, typer.Option(help="EXOTEL_SECRET of the server.", envvar="EXOTEL_SECRET", show_envvar=True)
    ] = "",
    to: Annotated[str | None, typer.Option(help="Dial this number instead of the script's.")] = None,
    calls: Annotated[int, typer.Option(min=1, max=CALLS_MAX, help="Place so many calls at once.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document, for programs.")] = False,
    models_dir: ModelsDir = None,
    example: Annotated[bool, typer.Option("--example", help="Print a script to start from, and stop.")] = False,
) -> None:
    """Call a server as a carrier would, play a caller from a script, and check what the assistant says.

    Exits with 0 when all went as expected, 1 when not, 2 when the script or an option is wrong, 69 when there is no
    server.

    Examples: callgenie simulate --example > call.yaml; callgenie simulate call.yaml --auth-token ...;
    callgenie simulate call.yaml --url https://calls.example.com --json
    """
    if example:
        typer.echo(files("callgenie.cli.simulate").joinpath("starter.yaml").read_text("utf-8"), nl=False)
        return
    scenario = _read(script, to)
    for option, address in (("--url", url), ("--public-url", public_url)):
        if address is not None and not _is_address(address):
            raise _refused(ScriptFaultError(option, "takes an address that begins with http:// or https://.", _ADDRESS))
    server = _Server(url, public_url, auth_token, exotel_secret)
    outcomes = run(_simulate(scenario, server, calls, err if as_json else out, models_dir))
    if as_json:
        typer.echo(json.dumps(document_of(outcomes), ensure_ascii=False, indent=2))
    else:
        show(out, outcomes)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    public_url: str | None
    auth_token: str
    exotel_secret: str

    @asynccontextmanager
    async def carrier(self, kind: CarrierKind) -> AsyncIterator[Dial]:
        """Give what places calls."""
        if kind is CarrierKind.EXOTEL:
            async with SimulatedExotel(self.url, self.exotel_secret) as exotel:
                yield exotel.call
        else:
            async with SimulatedCarrier(self.url, self.auth_token, public_url=self.public_url) as twilio:
                yield twilio.call


def _read(script: Path | None, to: str | None) -> Scenario:
    """Return what is to be played; what is wrong with it ends the program."""
    if script is None:
        raise _refused(ScriptFaultError("SCRIPT", "is missing.", "callgenie simulate --example > call.yaml"))
    if to is not None and not is_e164(to):
        raise _refused(ScriptFaultError("--to", "takes a telephone number in E.164.", "--to +14155550123"))
    try:
        scenario = read_script(script)
    except ScriptFaultError as fault:
        raise _refused(fault) from None
    return scenario if to is None else replace(scenario, to_number=to)


def _is_address(text: str) -> bool:
    """Tell whether both what asks webhooks and what opens sockets can make something of an address."""
    try:
        httpx.URL(text)
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
    except (httpx.InvalidURL, ValueError):
        return False


def _refused(fault: ScriptFaultError | RecordingUnreadableError) -> typer.Exit:
    err.print("Error:", style="red", end=" ")
    err.print(str(fault), markup=False)
    return typer.Exit(EXIT_SCRIPT)


async def _simulate(
    scenario: Scenario, server: _Server, calls: int, console: Console, models_dir: Path | None
) -> list[SimulatedCallOutcome]:
    workers = Workers()
    steps = await _rehearsed(scenario, NanoTextToSpeech(workers, models_dir))
    stt = await asyncio.to_thread(WhisperSpeechToText, workers, models_dir)
    async with server.carrier(scenario.carrier) as dial:
        kind = scenario.carrier.value
        console.print(
            f"· {scenario.from_number} dials {scenario.to_number} at {server.url}, as {kind} would", style="dim"
        )
        tells = [teller(console, number, calls) for number in range(1, calls + 1)]
        return list(await asyncio.gather(*(hold(scenario, steps, dial, stt, tell) for tell in tells)))


async def _rehearsed(scenario: Scenario, voice: TextToSpeech) -> tuple[Step, ...]:
    try:
        return await rehearse(scenario.actions, voice, voice_name=scenario.voice)
    except RecordingUnreadableError as error:
        raise _refused(error) from None
