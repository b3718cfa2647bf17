"""English words that give a number its meaning."""

from typing import Final

from callgenie.voice.figures.number_words import words

CURRENCY_SIGNS: Final = {
    "$": "dollar",
    "\N{EURO SIGN}": "euro",
    "\N{POUND SIGN}": "pound",
    "\N{INDIAN RUPEE SIGN}": "rupee",
    "\N{YEN SIGN}": "yen",
}
CURRENCIES: Final = {
    **dict.fromkeys(("dollar", "dollars", "bucks", "usd"), "dollar"),
    **dict.fromkeys(("euro", "euros", "eur"), "euro"),
    **dict.fromkeys(("pound", "pounds", "quid", "gbp"), "pound"),
    **dict.fromkeys(("rupee", "rupees", "rs", "inr"), "rupee"),
    **dict.fromkeys(("yen", "jpy"), "yen"),
    **dict.fromkeys(("franc", "francs", "chf"), "franc"),
}
CENTS: Final = frozenset({"cent", "cents", "pence", "penny", "pennies", "paise"})

MINUTES: Final = {
    **dict.fromkeys(("second", "seconds", "sec", "secs"), 1 / 60),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), 1.0),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), 60.0),
    **dict.fromkeys(("day", "days", "night", "nights"), 1_440.0),
    **dict.fromkeys(("week", "weeks"), 10_080.0),
    **dict.fromkeys(("month", "months"), 43_800.0),
    **dict.fromkeys(("year", "years", "yr", "yrs"), 525_600.0),
}
MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        1,
    )
    for name in names
}
STREETS: Final = frozenset(
    words(
        "street st avenue ave road rd lane ln drive dr boulevard blvd way court ct place pl square sq terrace close"
        " crescent highway hwy parkway row hill park gardens alley circle plaza mews wharf quay"
    )
)
# Of these words no other use comes to mind, so that they need no capital.
SURE_STREETS: Final = frozenset(words("street avenue ave road rd lane ln boulevard blvd highway parkway alley"))
LABELS: Final = frozenset({"suite", "room", "unit", "apartment", "flat", "gate", "door", "building", "platform", "box"})
TIME_CUES: Final = frozenset(
    words("at from until till by before after around between open opens close closes opening closing closed past since")
)
PRICE_CUES: Final = frozenset({"cost", "costs", "charge", "charges", "priced", "fee", "pay", "price"})
# After these "a week" is no duration: "once a week", "ten dollars a month".
NOT_LASTING: Final = frozenset({*words("once twice time times days hours nights such what of"), *CURRENCIES, *CENTS})
CERTAIN: Final = frozenset(words("sure certain positive right correct"))

# After these a number does not count what follows.
NO_NOUNS: Final = frozenset(
    words(
        "a about after all an and are as at be because before between but by can daily do during each every except for"
        " from have he i if in is it just may no not of off on only or per please sharp she since so sorry than thank"
        " thanks that the then there these they this through till to today tomorrow tonight under until up was we"
        " weekdays when where which while will with would you your monday tuesday wednesday thursday friday saturday"
        " sunday morning afternoon evening mondays tuesdays wednesdays thursdays fridays saturdays sundays weekends"
        " sometimes instead"
    )
)
LINKS: Final = frozenset({"to", "-", "and", "or", "until", "till", "through"})
