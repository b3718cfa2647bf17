"""Moves users, profiles and conversations from the Node version into ours, in this order.

A user's profile and number come before the user, and a user before their conversations: whoever can sign in finds
everything that was taken so far. What is here already stays as it is, so a migration that was cut off is run again,
and one that was done is run again to fetch what the Node version has recorded since.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from pymongo import UpdateOne

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import MeteredPeriod
from callgenie.billing.terms import TermsReader
from callgenie.kernel.errors import DomainError
from callgenie.kernel.ids import UserId
from callgenie.lifecycle.migration import reading
from callgenie.lifecycle.migration.accounts import NotTakenError, Owner, Remark, owner_of, profile_document
from callgenie.lifecycle.migration.conversations import (
    Session,
    bills,
    conversation_document,
    missing_pairs,
    session_key,
    sessions_of,
    turn_documents,
)
from callgenie.lifecycle.migration.models import MigrationReport
from callgenie.lifecycle.migration.source_store import NodeSource
from callgenie.lifecycle.migration.target_store import MigrationTarget, completion, insertion
from callgenie.numbers.models import NumberWish
from callgenie.numbers.service import NumberPool
from callgenie.profiles.options import VoiceOptions

Document = dict[str, Any]
Progress = Callable[[str], None]

_SESSIONS_AT_ONCE: Final = 100
_TOLD_EVERY: Final = 10_000

_ADDRESS_TAKEN: Final = "somebody else has an account under its e-mail address here"


class Migration:
    """One run. A dry one reads and decides everything and writes nothing."""

    def __init__(
        self,
        *,
        source: NodeSource,
        target: MigrationTarget,
        numbers: NumberPool,
        ledger: UsageLedger,
        terms: TermsReader,
        options: VoiceOptions,
        bcrypt_cost: int,
        dry_run: bool,
        progress: Progress,
    ) -> None:
        self._source = source
        self._target = target
        self._numbers = numbers
        self._ledger = ledger
        self._terms = terms
        self._options = options
        self._bcrypt_cost = bcrypt_cost
        self._dry_run = dry_run
        self._progress = progress
        self._report = MigrationReport()
        self._owners: dict[UserId, Owner] = {}
        self._addresses: set[str] = set()
        self._with_profile: set[UserId] = set()
        self._refused: set[UserId] = set()

    async def run(self) -> MigrationReport:
        """Take what can be taken; return what was and what was not.

        Raises:
            NothingToMigrateError: The source has no users of the Node version.
            SourceLostError: The source went away; what was taken stays.
        """
        await self._source.check()
        self._progress("Reading users.")
        async for document in self._source.users():
            await self._judge_user(document)
        self._progress("Taking profiles and users.")
        async for document in self._source.profiles():
            await self._take_profile(document)
        for owner in self._owners.values():
            await self._take_user(owner)
        await self._take_conversations()
        if not self._dry_run:
            self._progress("Counting usage.")
            for owner in self._owners.values():
                await self._carry_over(owner)
        return self._report

    def _remark(self, where: str) -> Remark:
        return lambda why: self._report.changed.add(where, why)

    async def _judge_user(self, document: Document) -> None:
        tally, where = self._report.users, f"user {document.get('_id')}"
        tally.read += 1
        try:
            owner = owner_of(document, self._remark(where), bcrypt_cost=self._bcrypt_cost)
            why = await self._obstacle(owner)
        except NotTakenError as reason:
            owner, why = None, str(reason)
        if owner is None or why is not None:
            tally.skipped += 1
            self._report.skipped.add(where, why or "")
            return
        self._owners[owner.id] = owner
        self._addresses.add(owner.email)

    async def _obstacle(self, owner: Owner) -> str | None:
        if owner.email in self._addresses:
            return "an older user of the source has the same e-mail address"
        if await self._target.is_erased(owner.id):
            return "this user was erased here"
        if await self._target.address_is_taken(owner.email, owner.id):
            return _ADDRESS_TAKEN
        return None

    async def _take_profile(self, document: Document) -> None:
        tally, where = self._report.profiles, f"profile {document.get('_id')}"
        tally.read += 1
        known = reading.user_id(reading.first(document, "userId", "user", "owner"))
        owner = self._owners.get(known) if known else None
        if known is None or owner is None or known in self._with_profile:
            tally.skipped += 1
            why = "its user has another one" if owner else "its user is not there, or was skipped"
            self._report.skipped.add(where, why)
            return
        self._with_profile.add(known)
        if await self._target.has_profile(known):
            tally.already_here += 1
        else:
            await self._add_profile(profile_document(document, owner, self._options, self._remark(where)), where)
            tally.taken += 1
        await self._take_number(owner, document)

    async def _add_profile(self, document: Document, where: str) -> None:
        if self._dry_run or await self._target.add_profile(document):
            return
        self._report.changed.add(where, "its Stripe customer belongs to another user; Stripe's ids were left out")
        for name in ("stripeCustomerId", "stripeSubscriptionId"):
            document["subscription"].pop(name, None)
        await self._target.add_profile(document)

    async def _take_number(self, owner: Owner, document: Document) -> None:
        given = reading.first(document, "phoneNumber.number", "phoneNumber", "assignedPhoneNumber", "assignedNumber")
        if not given:
            return
        tally, where = self._report.numbers, f"user {owner.id}"
        tally.read += 1
        number = reading.phone(given)
        if number is None:
            tally.skipped += 1
            self._report.skipped.add(where, "its phone number is not E.164")
            return
        if self._dry_run:
            tally.taken += 1
            return
        before = await self._numbers.number_of(owner.id)
        try:
            unreadable = (await self._numbers.import_numbers([number])).examples
            assigned = before or await self._numbers.assign(owner.id, NumberWish(number=number))
        except DomainError as refusal:
            tally.skipped += 1
            why = unreadable[0].why if unreadable else refusal.detail
            self._report.skipped.add(where, f"its phone number cannot be assigned: {why}")
            return
        if assigned.number != number:
            tally.skipped += 1
            self._report.skipped.add(where, "it has another phone number here")
        elif before is None:
            tally.taken += 1
        else:
            tally.already_here += 1

    async def _take_user(self, owner: Owner) -> None:
        tally = self._report.users
        if await self._target.is_user(owner.id):
            tally.already_here += 1
        elif self._dry_run or await self._target.add_user(owner.document):
            tally.taken += 1
        else:
            # Signed up here since it was judged.
            tally.skipped += 1
            self._refused.add(owner.id)
            self._report.skipped.add(f"user {owner.id}", _ADDRESS_TAKEN)

    async def _take_conversations(self) -> None:
        tally = self._report.exchanges
        total = await self._source.count_conversations()
        self._progress(f"Taking conversations: about {total:,} exchanges.")
        waiting: list[Session] = []
        async for sources in self._sessions():
            before = tally.read
            tally.read += len(sources)
            if before // _TOLD_EVERY != tally.read // _TOLD_EVERY:
                self._progress(f"{tally.read:,} of about {total:,} exchanges.")
            known = reading.user_id(reading.first(sources[0], "userId", "user", "owner"))
            owner = self._owners.get(known) if known else None
            if owner is None or owner.id in self._refused:
                self._skip(sources, "its user is not there, or was skipped")
                continue
            waiting += sessions_of(owner, session_key(sources[0]), sources)
            if len(waiting) >= _SESSIONS_AT_ONCE:
                await self._write(waiting)
                waiting = []
        await self._write(waiting)

    async def _sessions(self) -> AsyncIterator[list[Document]]:
        """Yield the documents of each session; of a user that is not known, too."""
        group: list[Document] = []
        key: object = None
        async for document in self._source.conversations():
            owner = reading.user_id(reading.first(document, "userId", "user", "owner"))
            this = (owner, session_key(document))
            if group and this != key:
                yield group
                group = []
            key = this
            group.append(document)
        if group:
            yield group

    def _skip(self, sources: Sequence[Mapping[str, Any]], why: str) -> None:
        self._report.exchanges.skipped += len(sources)
        self._report.skipped.add(f"conversation {sources[0].get('_id')}", why, times=len(sources))

    async def _write(self, sessions: Sequence[Session]) -> None:
        # The same key twice is one session that the source keeps in two spellings: the second finds the first.
        rest = list(sessions)
        while rest:
            unique = {(session.owner.id, session.session_id): session for session in reversed(rest)}
            await self._write_unique(list(unique.values()))
            taken = {id(session) for session in unique.values()}
            rest = [session for session in rest if id(session) not in taken]

    async def _write_unique(self, sessions: Sequence[Session]) -> None:
        known = await self._target.known_conversations([(each.owner.id, each.session_id) for each in sessions])
        planned: list[tuple[Session, int, UpdateOne]] = []
        for session in sessions:
            found = known.get((session.owner.id, session.session_id))
            if found is None:
                document = conversation_document(session, self._remark(f"conversation {session.pairs[0].id}"))
                planned.append((session, len(session.pairs), insertion(session.owner.id, session.session_id, document)))
            elif "migratedFrom" not in found:
                self._skip([pair.source for pair in session.pairs], "its session id is that of another call here")
            else:
                planned += self._completed(session, found)
        refused: frozenset[int] = frozenset()
        if planned and not self._dry_run:
            refused = await self._target.write_conversations([write for _, _, write in planned])
        for place, (session, pairs, _) in enumerate(planned):
            if place in refused:
                self._skip([pair.source for pair in session.pairs], "another conversation here has its id")
            else:
                self._report.exchanges.taken += pairs
                self._report.conversations += 1

    def _completed(self, session: Session, found: Document) -> list[tuple[Session, int, UpdateOne]]:
        """Return the write that adds what is not here yet; what its owner has deleted stays so."""
        new = [] if found.get("deletedAt") else missing_pairs(session, found.get("exchangeIds", ()))
        self._report.exchanges.already_here += len(session.pairs) - len(new)
        if not new:
            return []
        remark = self._remark(f"conversation {new[0].id}")
        turns = turn_documents(new, remark, after=found.get("turnCount", 0))
        whole = conversation_document(session, lambda _why: None)
        return [(session, len(new), completion(found, whole, turns, [pair.id for pair in new]))]

    async def _carry_over(self, owner: Owner) -> None:
        if owner.id in self._refused:
            return
        periods = await self._target.completed(owner.id)
        if not periods:
            return
        plan = (await self._terms.of(owner.id)).plan
        for start, completed in periods.items():
            seconds = sum(each.get("duration") or 0 for each in completed)
            carried = await self._ledger.carry_over(
                MeteredPeriod(owner.id, start), plan, calls=len(completed), seconds=seconds
            )
            await self._target.bill(list(bills(completed, calls=carried.calls, seconds=carried.seconds)))
            self._report.calls += carried.calls
            self._report.seconds += carried.seconds
            self._report.calls_beyond += len(completed) - carried.calls
            self._report.seconds_beyond += seconds - carried.seconds
