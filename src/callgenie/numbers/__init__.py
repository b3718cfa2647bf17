"""The pool of phone numbers, and which user a dialled number belongs to."""
