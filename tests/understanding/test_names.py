"""Names in callers' words."""

import pytest

from callgenie.understanding.names import name_answered, name_said_in


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("My name is anna smith and I am late.", "Anna Smith"),
        ("Hi, this is Doctor Miller from the clinic.", "Doctor Miller"),
        ("I'm looking for a cake.", ""),
        ("This is about my order.", ""),
        ("It's Jean-Luc O'Neill, hello.", "Jean-Luc O'Neill"),
    ],
)
def test_who_introduces_themselves_is_known(said: str, name: str) -> None:
    assert name_said_in(said) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Anna Smith.", "Anna Smith"),
        ("uh, it's anna", "Anna"),
        ("Yes, Bob here", "Bob"),
        ("I would rather not say.", ""),
        ("Sorry, I didn't catch that", ""),
        ("Hang on", ""),
        ("One moment", ""),
        ("Why do you need that?", ""),
        ("Why?", ""),
        ("no", ""),
        ("never mind", ""),
        ("Sorry, Anna", "Anna"),
        ("Anna?", "Anna"),
        ("Call me Anna", "Anna"),
        ("Will Smith", "Will Smith"),
        ("May Jones", "May Jones"),
    ],
)
def test_an_answer_to_the_question_for_a_name_is_one(said: str, name: str) -> None:
    assert name_answered(said) == name
