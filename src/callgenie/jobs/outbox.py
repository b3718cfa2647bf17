"""Gets mail out of the outbox: claimed by one worker at a time, tried again later and later, and given up at the end.

SMTP has no way to say "once": a worker that dies after the server took the mail and before that is written down makes
another one send it again. Both carry the same Message-ID, by which mail programs show one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from callgenie.jobs.backoff import Backoff
from callgenie.jobs.outbox_models import OutboxEntry, OutboxState
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.cancellation import complete
from callgenie.kernel.errors import NotFoundError, UnavailableError
from callgenie.kernel.ids import Randomness
from callgenie.mail.errors import MailRefusedError, MailServerAwayError
from callgenie.mail.models import Letter, Mail, Mailer

_log = structlog.get_logger(__name__)

MAIL_SENT: Final = "mail.sent"
MAIL_POSTPONED: Final = "mail.postponed"
MAIL_DEAD: Final = "mail.dead"
MAIL_FAILED: Final = "mail.failed"

# Longer than writing and sending one mail can take, the mail server's timeouts included.
LEASE: Final = timedelta(seconds=120)
# A round ends here, so that a stopping server does not wait for a long queue.
BATCH_MAX: Final = 100
# With these, a server that is back after some time gets its mail within about half that time, and one that stays away
# is given up after about a day.
BACKOFF: Final = Backoff(first=timedelta(seconds=1), factor=1.5, longest=timedelta(hours=1))
ATTEMPTS_MAX: Final = 40

_CLAIM_BYTES: Final = 12


class MailNotFoundError(NotFoundError):
    """The outbox has no such mail."""

    code = "mail_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such mail; `callgenie mail` lists those there are.")


@dataclass(frozen=True, slots=True)
class Written:
    """A letter, and to which address it goes."""

    to: str
    letter: Letter


class Writer(Protocol):
    """Finds the words of one kind of mail, when it is about to be sent."""

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when there is nothing to say any more. May be asked again for the same mail."""
        ...


@dataclass(slots=True)
class DeliveryReport:
    """What one round did."""

    sent: int = 0
    dropped: int = 0
    postponed: int = 0
    dead: int = 0


class Delivery:
    """Writes and sends what is due."""

    def __init__(
        self, store: OutboxStore, mailer: Mailer, writers: Mapping[str, Writer], randomness: Randomness
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._writers = writers
        self._randomness = randomness

    async def deliver(self) -> DeliveryReport:
        """Send what is due; what fails is tried again later and does not keep the others waiting.

        Raises:
            UnavailableError: The database is away.
        """
        report = DeliveryReport()
        for _ in range(BATCH_MAX):
            entry = await self._store.claim(self._randomness.token_bytes(_CLAIM_BYTES).hex(), LEASE)
            if entry is None:
                break
            await self._deliver(entry, report)
        return report

    async def read(self, mail_id: str) -> Written:
        """Return a mail as it would be sent now.

        Raises:
            MailNotFoundError: There is none, or nothing to say any more.
        """
        entry = await self._store.find(mail_id)
        written = None if entry is None else await self._write(entry)
        if written is None:
            raise MailNotFoundError
        return written

    async def _deliver(self, entry: OutboxEntry, report: DeliveryReport) -> None:
        try:
            written = await self._write(entry)
            if written is None:
                report.dropped += 1
                await self._store.finish(entry, OutboxState.DROPPED)
                return
            await self._mailer.send(Mail(entry.id, written.to, written.letter, entry.asked_at))
        except MailRefusedError as error:
            await self._give_up(entry, error.detail, report)
        except MailServerAwayError as error:
            await self._postpone(entry, error.detail, report)
        except UnavailableError:
            # The database. The claim runs out by itself.
            raise
        except Exception as error:  # noqa: BLE001 -- whatever is wrong with one mail, the others are still to be sent
            _log.exception(MAIL_FAILED, mail=entry.id)
            await self._postpone(entry, f"It could not be written ({type(error).__name__}).", report)
        else:
            report.sent += 1
            if self._mailer.delivers:
                _log.info(MAIL_SENT, mail=entry.id, attempts=entry.attempts)
            # A server that is being stopped writes this down first; otherwise the next one sends the mail again.
            await complete(self._done(entry))

    async def _done(self, entry: OutboxEntry) -> None:
        await self._store.finish(entry, OutboxState.SENT if self._mailer.delivers else OutboxState.KEPT)

    async def _write(self, entry: OutboxEntry) -> Written | None:
        return await self._writers[entry.kind].write(entry)

    async def _postpone(self, entry: OutboxEntry, why: str, report: DeliveryReport) -> None:
        if entry.attempts >= ATTEMPTS_MAX:
            await self._give_up(entry, f"Tried {entry.attempts} times. {why}", report)
            return
        report.postponed += 1
        _log.warning(MAIL_POSTPONED, mail=entry.id, attempts=entry.attempts, reason=why)
        await self._store.postpone(entry, BACKOFF.by_chance(entry.attempts), why)

    async def _give_up(self, entry: OutboxEntry, why: str, report: DeliveryReport) -> None:
        report.dead += 1
        _log.error(MAIL_DEAD, mail=entry.id, attempts=entry.attempts, reason=why)
        await self._store.finish(entry, OutboxState.DEAD, why)
