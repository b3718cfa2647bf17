"""Numbers with a meaning in English text, found and compared by value: "ninety dollars" is "$90"."""
