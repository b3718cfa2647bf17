"""Days, dates and times of day in callers' words: the tokens, the rules, and the table of holidays."""
