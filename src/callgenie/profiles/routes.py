"""Preferences over HTTP; the profile as a whole spans features and is shown by `lifecycle`."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from callgenie.http.problems import problems
from callgenie.profiles.errors import UnknownOptionError
from callgenie.profiles.schemas import OptionsView, PreferencesBody, PreferencesView
from callgenie.profiles.service import ProfileService
from callgenie.users.errors import InvalidAccessTokenError
from callgenie.users.guards import CurrentUser

router = APIRouter(prefix="/api/user", tags=["user"])


async def get_profiles(connection: HTTPConnection) -> ProfileService:
    """Find the profiles' service."""
    return cast("ProfileService", connection.app.state.services.profiles)


ProfilesDep = Annotated[ProfileService, Depends(get_profiles)]


@router.get("/options", responses=problems(InvalidAccessTokenError))
async def show_options(user: CurrentUser, profiles: ProfilesDep) -> OptionsView:
    """Show the voices, models, languages and lengths that can be chosen on this server."""
    del user
    return OptionsView.of(profiles.options)


@router.put("/preferences", responses=problems(InvalidAccessTokenError, UnknownOptionError))
async def update_preferences(body: PreferencesBody, user: CurrentUser, profiles: ProfilesDep) -> PreferencesView:
    """Change how the assistant sounds, thinks and calls itself."""
    profile = await profiles.update_preferences(user.id, body.changes())
    return PreferencesView.of(profile.preferences)
