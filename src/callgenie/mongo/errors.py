"""How the database refuses: each sentence says what an operator can do about it."""

from callgenie.kernel.errors import ConflictError, InvalidError, UnavailableError


class DatabaseUnreachableError(UnavailableError):
    """The server of the connection string does not answer."""

    code = "database_unreachable"


class DatabaseBusyError(UnavailableError):
    """The database did not take an operation in time; whether it was done is unknown."""

    code = "database_busy"


class DatabaseAddressError(InvalidError):
    """The connection string cannot be read, or names another replica set than the server's."""

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


class BackupExistsError(ConflictError):
    """There is something where the backup should go."""

    code = "backup_exists"


class BackupUnwritableError(InvalidError):
    """The backup cannot be written where it should go."""

    code = "backup_unwritable"


class NoSnapshotError(UnavailableError):
    """The server cannot show all collections as they were at one moment."""

    code = "backup_no_snapshot"


class UnsupportedCollectionError(InvalidError):
    """A collection is of a sort that we neither use nor back up."""

    code = "backup_collection_unsupported"


class DumpUnreadableError(InvalidError):
    """The folder is not a dump, or a file of it is damaged."""

    code = "dump_unreadable"


class RestoreWouldOverwriteError(ConflictError):
    """The database already has documents where the dump's would go."""

    code = "restore_would_overwrite"


class RestoreWhileServingError(ConflictError):
    """A server works on the database that is to be replaced."""

    code = "restore_while_serving"
