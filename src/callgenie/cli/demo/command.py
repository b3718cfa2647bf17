"""The demo, step by step."""

import asyncio
import getpass
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from callgenie.cli.demo import business, report
from callgenie.cli.demo.owner import DemoRefusedError, Owner
from callgenie.cli.demo.script import call_of, demo_call
from callgenie.cli.demo.server import DemoServer, running_server
from callgenie.cli.models_dir import ModelsDir
from callgenie.cli.terminal import err, out, progress, run
from callgenie.kernel.ids import Randomness, SystemRandomness
from callgenie.mongo.client import connect
from callgenie.mongo.folder import DataFolder
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Step, rehearse
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.workers import Workers

# Numbers that are set aside for fiction (555-0100 to 555-0199), so that nobody's telephone is in the demo's pool.
AREA_CODES: Final = ("212", "312", "415", "503", "617", "702", "808", "907")
CALLER_NUMBER: Final = "+14155550188"
CALLER_VOICE: Final = "nanotts-en-gb"


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the call left behind."""

    call: CallReport
    conversation: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


def demo(
    caller: Annotated[
        Path | None,
        typer.Option(help="A WAV file to play as the caller, instead of the demo's own.", exists=True, dir_okay=False),
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(help="Where the demo's database and recordings are kept.", file_okay=False)
    ] = Path(".demo"),
    models_dir: ModelsDir = None,
) -> None:
    """Run a whole call on this machine: no key, no account, no network.

    Examples: callgenie demo; callgenie demo --caller my.wav
    """
    run(_demo(caller, data_dir, None if models_dir is None else models_dir.expanduser().absolute()))


async def _demo(recording: Path | None, data_dir: Path, models_dir: Path | None) -> None:
    randomness = SystemRandomness()
    auth_token = randomness.token_bytes(16).hex()
    folder = _folder(data_dir)
    # First of all: a recording that cannot be played should not cost a server's start.
    steps = await rehearse(
        demo_call() if recording is None else call_of(recording),
        NanoTextToSpeech(Workers(), models_dir),
        voice_name=CALLER_VOICE,
    )
    began = time.monotonic()
    progress("Starting the server: embedded MongoDB, indexes, speech recognition, answers, speech")
    async with running_server(folder, auth_token, progress, models_dir) as server, Owner(server.url) as owner:
        progress(f"The server answers at {server.url} after {time.monotonic() - began:.1f} s")
        number, email, password = await _set_up(owner, folder, randomness)
        before = await owner.usage()
        call = await _place_call(server, auth_token, number, steps, folder)
        conversation, after = await _settled(owner, call)
        _show(DemoOutcome(call, conversation, before, after))
    _go_on(folder, email, password, call)


def _folder(data_dir: Path) -> DataFolder:
    folder = DataFolder(data_dir)
    if folder.fits_a_socket:
        return folder
    short = DataFolder(Path(tempfile.gettempdir()) / f"callgenie-demo-{getpass.getuser()}")
    progress(f"The path of {folder.path} is too long for a socket; the demo's data goes to {short.path}")
    return short


async def _set_up(owner: Owner, folder: DataFolder, randomness: Randomness) -> tuple[str, str, str]:
    email = f"rosa-{randomness.token_bytes(4).hex()}@example.com"
    password = randomness.token_bytes(9).hex()
    await owner.sign_up(email=email, password=password, name=business.OWNER_NAME)
    progress(f"Signed up {business.OWNER_NAME} <{email}>")
    await owner.describe_business(business.BUSINESS)
    progress(f"Filled in {business.BUSINESS['company']}: hours, greeting, {len(business.BUSINESS['faq'])} FAQ entries")
    added = await _fill_pool(folder, randomness)
    progress(f"Put {added} new numbers into the pool")
    number = await owner.get_number()
    progress(f"Assigned {number}")
    return number, email, password


async def _fill_pool(folder: DataFolder, randomness: Randomness) -> int:
    # One run takes one number for good, so each run brings some; which ones is left to chance.
    area_code = AREA_CODES[randomness.token_bytes(1)[0] % len(AREA_CODES)]
    lines = [f"+1{area_code}55501{line:02}" for line in range(100)]
    database = await connect(folder.uri)
    try:
        report_of_import = await NumberPool(NumberStore(database.db)).import_numbers(lines)
    finally:
        await database.close()
    return report_of_import.added


async def _place_call(
    server: DemoServer, auth_token: str, number: str, steps: Sequence[Step], folder: DataFolder
) -> CallReport:
    wav = folder.path / "recordings" / "last-call.wav"
    wav.parent.mkdir(parents=True, exist_ok=True)
    progress(f"A caller dials {number}: signed webhook, TwiML, media socket, 20 ms mu-law frames")
    dialling = Dialling(CALLER_NUMBER, number, steps, recording=wav)
    async with SimulatedCarrier(server.url, auth_token) as carrier, asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(), name="demo watch")
        call = await carrier.call(dialling)
        watch.cancel()
    if call.stream is None:
        raise DemoRefusedError(f"The call was refused: {call.announcement or call.webhook_statuses}")
    progress(f"The call is over after {call.stream.duration_ms / 1000:.0f} s")
    return call


async def _watch() -> None:
    with err.status("") as status:
        second = 0
        while True:
            status.update(f"On the line for {second} s")
            await asyncio.sleep(1)
            second += 1


async def _settled(owner: Owner, call: CallReport) -> tuple[dict[str, Any], dict[str, Any]]:
    """Wait until the call's record has its end: the carrier's socket closes a moment before it is written."""
    for _ in range(50):
        conversation = await owner.conversation(call.session_id)
        usage = await owner.usage()
        if conversation["endedReason"] is not None and usage["seconds"]["held"] == 0:
            break
        await asyncio.sleep(0.1)
    return conversation, usage


def _show(outcome: DemoOutcome) -> None:
    report.show_transcript(out, outcome.conversation)
    report.show_latency(out, outcome.conversation)
    report.show_usage(out, outcome.before, outcome.after)
    report.show_ending(out, outcome.conversation, outcome.call)


def _go_on(folder: DataFolder, email: str, password: str, call: CallReport) -> None:
    data_dir = os.path.relpath(folder.path)
    recording = call.recording and os.path.relpath(call.recording)
    out.print(f"\nListen to it (left: caller, right: assistant): [bold]{recording}[/bold]")
    out.print(
        "\n[bold]Go on[/bold]\n"
        "  make demo CALLER=my.wav             call it with your own recording\n"
        f"  .venv/bin/callgenie serve --data-dir {data_dir}   the same server again, on port 4000; then\n"
        "  curl -s localhost:4000/api/auth/login -H 'Content-Type: application/json' \\\n"
        f'    -d \'{{"email": "{email}", "password": "{password}"}}\'\n'
        "  docs/how-to/connect-a-twilio-number.md  let it answer a real telephone\n"
    )
