"""Names in `.env` that set nothing: a misspelt setting would be passed over in silence.

Only the file is judged. The environment is full of other programs' names.
"""

from difflib import get_close_matches
from typing import Final

from pydantic_settings import BaseSettings, DotEnvSettingsSource

# Of ten letters three may differ. Names that are less alike than that mean something else.
_ALIKE: Final = 0.7


def stray_names(settings: type[BaseSettings]) -> dict[str, str | None]:
    """Return each name in the file that is no setting, with the setting it is most like, if it is like any."""
    names = [str(field.validation_alias) for field in settings.model_fields.values()]
    # A field's own name sets it too, and so does either in small letters.
    known = {name.upper() for name in (*names, *settings.model_fields)}
    given = (name.upper() for name in DotEnvSettingsSource(settings).env_vars)
    return {
        name: next(iter(get_close_matches(name, names, n=1, cutoff=_ALIKE)), None)
        for name in given
        if name not in known
    }
