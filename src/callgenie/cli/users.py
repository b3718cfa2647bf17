"""`callgenie users`: see who has an account, suspend them, change their plan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from callgenie.cli.records import open_records
from callgenie.cli.terminal import counted, load_settings, out, progress, run
from callgenie.kernel.vocabulary import PlanName, UserStatus
from callgenie.lifecycle.customers import Customers
from callgenie.lifecycle.overview import Overview, Overviews
from callgenie.settings import Settings
from callgenie.users.directory_store import DirectoryStore
from callgenie.users.models import User

app = typer.Typer(help="See who has an account, suspend users, change their plan.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="USER", help="The user's e-mail address or id.")]
DataDir = Annotated[Path | None, typer.Option(help="The data folder of the server. [CALLGENIE_DATA_DIR]")]


@app.command("list")
def list_(
    status: Annotated[UserStatus | None, typer.Option(help="Only users of this status.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List users: since when, status, plan, address.

    Examples: callgenie users list; callgenie users list --status suspended
    """
    run(_list(load_settings(data_dir=data_dir), status))


@app.command()
def show(user: UserName, data_dir: DataDir = None) -> None:
    """Show one user's account, plan, number and usage.

    Examples: callgenie users show owner@example.com; callgenie users show 6b07fda47170b81893fe20d5
    """
    overview = run(_show(load_settings(data_dir=data_dir), user))
    for name, value in _facts(overview):
        out.print(f"{name:<10} {value}", markup=False)


@app.command()
def suspend(user: UserName, data_dir: DataDir = None) -> None:
    """Suspend a user: all sessions end at once, running calls within a minute, new calls are refused.

    Example: callgenie users suspend owner@example.com
    """
    found = run(_set_status(load_settings(data_dir=data_dir), user, UserStatus.SUSPENDED))
    out.print(f"{found.email} is suspended", markup=False)


@app.command()
def activate(user: UserName, data_dir: DataDir = None) -> None:
    """Let a suspended user in again.

    Example: callgenie users activate owner@example.com
    """
    found = run(_set_status(load_settings(data_dir=data_dir), user, UserStatus.ACTIVE))
    out.print(f"{found.email} is active", markup=False)


@app.command()
def plan(
    user: UserName,
    name: Annotated[PlanName, typer.Argument(metavar="PLAN", help="free, basic, premium or enterprise.")],
    data_dir: DataDir = None,
) -> None:
    """Put a user on another plan. Running calls feel it at their next step; what was used stays used.

    Example: callgenie users plan owner@example.com basic
    """
    overview = run(_change_plan(load_settings(data_dir=data_dir), user, name))
    out.print(f"{overview.user.email} is on plan {overview.usage.plan.name}", markup=False)


@asynccontextmanager
async def _customers(settings: Settings) -> AsyncIterator[Customers]:
    async with open_records(settings) as records:
        overviews = Overviews(records.users, records.profiles, records.numbers, records.usage)
        yield Customers(DirectoryStore(records.database.db), records.users, records.profiles, overviews)


async def _list(settings: Settings, status: UserStatus | None) -> None:
    count = 0
    async with _customers(settings) as customers:
        async for user in customers.list_everybody(status):
            its_plan = await customers.plan_of(user.id)
            out.print(f"{user.created_at:%Y-%m-%d} {user.status:<9} {its_plan:<10} {user.email}", markup=False)
            count += 1
    progress(counted(count, "user"))


async def _show(settings: Settings, user: str) -> Overview:
    async with _customers(settings) as customers:
        return await customers.show(user)


async def _set_status(settings: Settings, user: str, status: UserStatus) -> User:
    async with _customers(settings) as customers:
        return await customers.set_status(user, status)


async def _change_plan(settings: Settings, user: str, name: PlanName) -> Overview:
    async with _customers(settings) as customers:
        return await customers.change_plan(user, name)


def _facts(overview: Overview) -> list[tuple[str, str]]:
    user, usage = overview.user, overview.usage
    calls, seconds = usage.plan.calls, usage.plan.seconds
    return [
        ("id", user.id),
        ("email", user.email + ("" if user.email_verified else " (not verified)")),
        # Quoted with escapes: names come from outside, and must not write to the terminal as they like.
        ("name", ascii(user.name) if not user.name.isprintable() else user.name),
        ("role", user.role),
        ("status", user.status),
        ("since", f"{user.created_at:%Y-%m-%d}"),
        ("plan", f"{usage.plan.name} ({overview.profile.subscription.status})"),
        ("number", overview.phone_number or "none"),
        ("period", f"{usage.period.start:%Y-%m-%d %H:%M} to {usage.period.end:%Y-%m-%d %H:%M} UTC"),
        ("calls", f"{usage.standing.calls} of {'any number' if calls is None else calls}"),
        ("seconds", f"{usage.standing.seconds} of {'any number' if seconds is None else seconds}"),
        ("next call", "admitted" if usage.reason is None else f"refused: {usage.reason}"),
    ]
