"""The record of every call: turns, search, history."""
