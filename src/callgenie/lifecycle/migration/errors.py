"""How a migration refuses."""

from callgenie.kernel.errors import ConflictError, InvalidError, UnavailableError


class NothingToMigrateError(InvalidError):
    """The source has no users, or they are not the Node version's."""

    code = "nothing_to_migrate"


class SourceLostError(UnavailableError):
    """The source stopped answering in the middle."""

    code = "migration_source_lost"

    def __init__(self) -> None:
        super().__init__("The source stopped answering. Run the migration again: it goes on where it stopped.")


class SourceIsTargetError(ConflictError):
    """What is to be migrated is the very database that it should go into."""

    code = "migration_source_is_target"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The source is the database {name} that CallGenie itself would write to. "
            "Give MONGODB_URI another database name, such as callgenie2, or leave it empty for the embedded database."
        )
