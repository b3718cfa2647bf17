"""What surrounds the database: this machine, its files, the voices, the mail server."""

import json
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from callgenie.cli.doctor.models import Finding, bad, good, hint
from callgenie.cli.wrong_setting import is_stray
from callgenie.kernel.errors import DomainError
from callgenie.mail.smtp import SmtpMailer
from callgenie.settings import Settings
from callgenie.settings.stray_names import stray_names
from callgenie.understanding import models as understanding
from callgenie.voice.providers import nanotts, silero, whisper
from callgenie.wiring.mail import mailer_of
from callgenie.wiring.secrets import SECRETS_FILE

# MongoDB stops taking writes before the disk is full to its last byte; an hour of records is some megabytes.
DISK_BAD_BYTES: Final = 512 * 1024 * 1024
DISK_HINT_BYTES: Final = 2 * 1024 * 1024 * 1024
_GIGABYTE: Final = 1024**3

_ENVIRONMENT_FILE: Final = ".env"
_KEPT: Final = {"jwtSecret": "JWT_SECRET", "passwordPepper": "PASSWORD_PEPPER"}


def check_names() -> Iterator[Finding]:
    """Look whether a name in `.env` is misspelt."""
    for name, nearest in stray_names(Settings).items():
        yield hint("settings", f"{name} {is_stray(nearest)}")


def check_disk(
    folder: Path, *, bad_below: int = DISK_BAD_BYTES, hint_below: int = DISK_HINT_BYTES
) -> Iterator[Finding]:
    """Look how much room the data folder has."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    sentence = f"{free / _GIGABYTE:.1f} GB free for {folder}"
    if free < bad_below:
        yield bad("disk", f"{sentence}: the database will stop. Make room")
    elif free < hint_below:
        yield hint("disk", f"{sentence}. Make room in time")
    else:
        yield good("disk", sentence)


def check_secrets(settings: Settings) -> Iterator[Finding]:
    """Look who can read what signs tokens and protects passwords, and whether it can be used."""
    folder = settings.data_dir.expanduser().absolute()
    exposed = False
    for path in (folder, folder / SECRETS_FILE, Path(_ENVIRONMENT_FILE).absolute()):
        if path.exists() and (finding := _readable_by_others(path)) is not None:
            exposed = True
            yield finding
    given = {"jwtSecret": settings.jwt_secret, "passwordPepper": settings.password_pepper}
    needed = [name for name, value in given.items() if value is None]
    kept = _kept_in(folder / SECRETS_FILE)
    if kept is None:
        yield bad("secrets", f"{folder / SECRETS_FILE} is damaged: restore it from a backup, nobody can sign in")
    elif stale := [_KEPT[name] for name in kept if name not in needed]:
        yield hint(
            "secrets",
            f"{' and '.join(stale)} is set, so what {folder / SECRETS_FILE} keeps for it is not used: "
            "keep it until you are sure that no password and no token was made with it",
        )
    elif kept and (missing := [name for name in needed if name not in kept]):
        yield bad("secrets", f"{folder / SECRETS_FILE} lacks {', '.join(missing)}: restore it from a backup")
    elif not exposed:
        where = "in the settings" if not needed else f"in {folder / SECRETS_FILE}"
        yield good("secrets", f"kept {where}, for this user only" if kept or not needed else "made at the first start")


def _readable_by_others(path: Path) -> Finding | None:
    found = path.stat()
    mode = "700" if path.is_dir() else "600"
    if stat.S_IMODE(found.st_mode) & 0o077:
        return bad("secrets", f"other users of this machine can read {path}. Run: chmod {mode} {path}")
    if found.st_uid not in {os.geteuid(), 0}:
        return bad("secrets", f"{path} belongs to another user. Give it to the one CallGenie runs as")
    return None


def _kept_in(path: Path) -> dict[str, str] | None:
    """Return the secrets of the file, nothing without one, None when it cannot be understood."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return None
    return {name: content[name] for name in _KEPT if content.get(name)} if isinstance(content, dict) else None


def check_voices(models_dir: Path | None = None) -> Iterator[Finding]:
    """Look whether the embedded models are there, and are those that this version was tested with."""
    weights = [(each, models_dir) for each in (silero.WEIGHTS, whisper.WEIGHTS, *nanotts.VOICES.values())]
    sound = True
    for each, folder in (*weights, (understanding.WEIGHTS, None)):
        try:
            each.locate(folder)
        except DomainError as refusal:
            sound = False
            yield bad("voices", refusal.detail)
    if sound:
        yield good("voices", f"{len(weights) + 1} models in place, checksums right")


async def check_mail(settings: Settings) -> AsyncIterator[Finding]:
    """Look whether the mail server takes us."""
    mailer = mailer_of(settings, settings.public_url or "http://localhost")
    if not isinstance(mailer, SmtpMailer):
        yield hint("mail", "no SMTP_URL: nothing is mailed, and links to confirm or reset are written to the log")
        return
    try:
        await mailer.sign_in()
    except DomainError as refusal:
        yield bad("mail", f"{refusal.detail} Check SMTP_URL (or SMTP_HOST and the others) and the firewall")
    else:
        yield good("mail", "the mail server answers and knows us")


def check_carrier(settings: Settings) -> Iterator[Finding]:
    """Look whether a carrier's requests could be verified."""
    if settings.exotel_secret is not None:
        yield good("carrier", "EXOTEL_SECRET is set: calls from Exotel are taken")
        if settings.twilio_auth_token is None:
            return
    given = {"PUBLIC_URL": settings.public_url, "TWILIO_AUTH_TOKEN": settings.twilio_auth_token}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        # A simulated carrier signs for this machine's own address, and needs the token only.
        simulated = "" if settings.twilio_auth_token is None else ", and simulated ones are taken"
        yield hint("carrier", f"{' and '.join(missing)} {verb} not set: calls from Twilio are refused{simulated}")
    elif settings.public_url is not None and not settings.public_url.startswith("https://"):
        yield bad("carrier", "PUBLIC_URL is not https: Twilio opens no media stream to it. Put TLS in front of it")
    else:
        yield good("carrier", "PUBLIC_URL and TWILIO_AUTH_TOKEN are set")
