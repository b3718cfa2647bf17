"""How the pool refuses."""

from callgenie.kernel.errors import ConflictError, NotFoundError


class NoNumberAvailableError(ConflictError):
    """The pool has no free number that fits."""

    code = "no_number_available"

    def __init__(self) -> None:
        super().__init__("No free number fits the wish. Ask for another country or area code, or for any number.")


class NumberTakenError(ConflictError):
    """The number is in the pool, and somebody has it or had it until lately."""

    code = "number_taken"

    def __init__(self) -> None:
        super().__init__("This number is taken. Choose another, or leave it out to get any free one.")


class NumberNotInPoolError(NotFoundError):
    """The pool has no such number."""

    code = "number_not_in_pool"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is not in the pool. `callgenie numbers list` shows what is.")


class NumberNotAssignedError(ConflictError):
    """Nobody has the number, so nobody can lose it."""

    code = "number_not_assigned"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is not assigned to anybody.")
