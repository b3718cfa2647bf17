"""How the database refuses: each sentence says what an operator can do about it."""

from callgenie.kernel.errors import ConflictError, InvalidError, UnavailableError


class DatabaseUnreachableError(UnavailableError):
    """The server of the connection string does not answer."""

    code = "database_unreachable"


class DatabaseBusyError(UnavailableError):
    """The database did not take an operation in time; whether it was done is unknown."""

    code = "database_busy"


class DatabaseAddressError(InvalidError):
    """The connection string cannot be read."""

    code = "database_address_invalid"


class DatabaseSignInError(InvalidError):
    """The server answers and does not accept the user or password of the connection string."""

    code = "database_sign_in_failed"


class StandaloneServerError(InvalidError):
    """The server is not part of a replica set, so a write that was cut off cannot be repeated safely."""

    code = "database_standalone"


class ServerTooOldError(InvalidError):
    """The server is older than the oldest release we run on."""

    code = "database_too_old"


class SchemaConflictError(ConflictError):
    """The data that is there does not allow an index that should be there."""

    code = "database_schema_conflict"


class DataFolderInUseError(ConflictError):
    """Another process works on this data folder."""

    code = "data_folder_in_use"


class DataFolderUnusableError(InvalidError):
    """The data folder cannot be made, read or written, or its path is too long."""

    code = "data_folder_unusable"


class MongodNotFoundError(InvalidError):
    """There is no mongod to start."""

    code = "mongod_not_found"


class MongodFailedError(UnavailableError):
    """The embedded mongod ended, or did not become ready."""

    code = "mongod_failed"
