"""What runs beside requests and calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from callgenie.conversations.follow_ups import FollowUps
from callgenie.jobs.periodic import every
from callgenie.kernel.errors import UnavailableError
from callgenie.wiring.services import Services

# A crashed call's seconds are free again this long after its lease ran out, at the latest.
SWEEP_EVERY_SECONDS = 5.0

# An erasure that was cut off goes on this long after the next process has started, at the latest.
ERASE_EVERY_SECONDS = 5.0

# As often as Prometheus usually asks.
FIGURES_EVERY_SECONDS = 15.0

# Nobody waits longer than this for a mail to be on its way; each worker asks the database once in this time.
DELIVER_EVERY_SECONDS = 1.0

# So soon what follows a call is begun that another process has ended; the process itself begins at once.
FOLLOW_UP_EVERY_SECONDS = 1.0

# So many models are asked at once in each process. More would take the vendor's patience from the calls in progress.
MODELS_AT_ONCE = 2
# An owner's wish to hang up is followed as it is made. Where changes cannot be followed, we look this often ...
LOOK_FOR_HANG_UPS_SECONDS = 2.0
# ... and try to follow them again after so long.
FOLLOW_HANG_UPS_SECONDS = 30.0

# A recording can be heard this long after its call, and is gone this long after it was deleted, at the latest.
RECORDINGS_EVERY_SECONDS = 5.0

# What could not be stored in this time before the process ends is stored by the next one.
_LAST_UPLOADS_SECONDS = 10.0


async def gather_figures(services: Services) -> None:
    """Take the figures that are too dear to be read each time somebody asks."""
    metrics = services.metrics
    metrics.free_numbers.set(await services.numbers.count_free())
    metrics.outbox_seconds.set(await services.outbox.oldest_waiting_seconds())
    metrics.follow_up_seconds.set(await services.follow_ups.oldest_seconds())
    metrics.webhook_seconds.set(await services.webhook_room.sender.oldest_due_seconds())
    await services.ledger_watch.look()
    metrics.ledger_mismatches.set(services.ledger_watch.mismatches)


async def _following(services: Services, follow_ups: FollowUps, name: str) -> None:
    await every(FOLLOW_UP_EVERY_SECONDS, follow_ups.work, name=name, wakeup=services.follow_up_plan.named)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Services]:
    """Run what works beside requests and calls during the block."""
    async with asyncio.TaskGroup() as group:
        jobs = [
            group.create_task(
                every(SWEEP_EVERY_SECONDS, services.sweeper.sweep, name="sweep"), name="sweep expired calls"
            ),
            group.create_task(every(DELIVER_EVERY_SECONDS, services.delivery.deliver, name="mail"), name="send mail"),
            group.create_task(_following(services, services.follow_ups, "follow-ups"), name="follow up calls"),
            group.create_task(_following(services, services.analyses, "analyses"), name="sum calls up"),
            *(
                group.create_task(
                    _following(services, services.model_analyses, "model analyses"),
                    name=f"sum calls up by model {line}",
                )
                for line in range(MODELS_AT_ONCE)
            ),
            group.create_task(services.webhook_room.sender.run(), name="send webhooks"),
            group.create_task(services.greeter.run(), name="make greetings"),
            group.create_task(
                every(DELIVER_EVERY_SECONDS, services.usage_notices.look, name="notices"), name="look at usage"
            ),
            group.create_task(
                every(FIGURES_EVERY_SECONDS, lambda: gather_figures(services), name="figures"), name="gather figures"
            ),
            group.create_task(
                every(FOLLOW_HANG_UPS_SECONDS, services.hang_ups.follow, name="follow hang-ups"), name="follow hang-ups"
            ),
            group.create_task(
                every(LOOK_FOR_HANG_UPS_SECONDS, services.hang_ups.look, name="hang-ups"), name="look for hang-ups"
            ),
            group.create_task(
                every(ERASE_EVERY_SECONDS, services.erasures.round, name="erase"), name="go on with erasures"
            ),
            group.create_task(
                every(RECORDINGS_EVERY_SECONDS, services.recordings.uploads.round, name="uploads"),
                name="store recordings",
            ),
            group.create_task(
                every(RECORDINGS_EVERY_SECONDS, services.recordings.removals.round, name="removals"),
                name="remove recordings",
            ),
        ]
        # Each is closed, even if an earlier one fails or the shutdown is cancelled: some of them run processes.
        async with AsyncExitStack() as closing:
            if services.twilio_api is not None:
                closing.push_async_callback(services.twilio_api.close)
            closing.push_async_callback(services.voices.close)
            closing.callback(services.passwords.close)
            closing.push_async_callback(services.webhook_room.close)
            closing.callback(services.recordings.threads.shutdown, wait=False)
            closing.push_async_callback(_finish, services, jobs)
            yield services


async def _finish(services: Services, jobs: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel the jobs, and store what the last calls have left to do."""
    for job in jobs:
        job.cancel()
    # What the last calls have used; without the database, the next call makes up for it.
    with suppress(UnavailableError):
        await services.usage_notices.look()
    with suppress(UnavailableError, TimeoutError):
        async with asyncio.timeout(_LAST_UPLOADS_SECONDS):
            await services.recordings.uploads.round()
