"""The business that the demo's owner signs up: what it tells its assistant."""

from typing import Any, Final

OWNER_NAME: Final = "Rosa Marin"

BUSINESS: Final[dict[str, Any]] = {
    "company": "Harbour Bakery",
    "timezone": "Europe/London",
    "hours": {
        **{day: [{"open": "07:30", "close": "17:30"}] for day in ("mon", "tue", "wed", "thu", "fri")},
        "sat": [{"open": "08:00", "close": "14:00"}],
        "sun": [],
    },
    # The demo is to be the same at midnight.
    "afterHours": "answer",
    "greeting": "Hello, this is Harbour Bakery. How can I help you?",
    "faq": [
        {
            "question": "Do you deliver cakes?",
            "answer": "Yes, we deliver cakes inside the city. Delivery costs five pounds.",
        },
        {
            "question": "Do you have bread without gluten?",
            "answer": "We bake gluten free bread on Tuesdays and Fridays. Please order it one day before.",
        },
        {
            "question": "Where can I park my car?",
            "answer": "You can park for free behind the shop. The entrance is in Mill Lane, next to the post office, "
            "and you may stay there for up to one hour.",
        },
        {
            "question": "Can I pay by card?",
            "answer": "Yes, we take all cards, and cash too.",
        },
        {
            "question": "How do I order a birthday cake?",
            "answer": "Please tell us the day, the flavour and the number of guests, at least three days ahead.",
        },
    ],
}
