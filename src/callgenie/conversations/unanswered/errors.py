"""Refusals about unanswered questions."""

from callgenie.kernel.errors import NotFoundError


class QuestionNotFoundError(NotFoundError):
    """There is no such question on the list of unanswered questions."""

    code = "question_not_found"

    def __init__(self) -> None:
        super().__init__("There is no unanswered question with this id.")
