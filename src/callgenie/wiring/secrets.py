"""Settings in, out the secrets. On its own, because a server needs them before it knows what it serves."""

from callgenie.kernel.ids import SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.settings import Settings

SECRETS_FILE = "secrets.json"


def gather_secrets(settings: Settings) -> Secrets:
    """Return the secrets that were set, and for the others those that the data folder keeps, made when need be.

    Raises:
        SecretFileError: The file is there and cannot be used.
    """
    jwt, pepper = settings.jwt_secret, settings.password_pepper
    return Secrets.gather(
        settings.data_dir.expanduser() / SECRETS_FILE,
        SystemRandomness(),
        jwt=jwt.get_secret_value() if jwt is not None else None,
        pepper=pepper.get_secret_value() if pepper is not None else None,
    )
