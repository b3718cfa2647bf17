"""How the pool refuses."""

from callgenie.kernel.errors import ConflictError


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
