"""Webhooks: what happens is told to the owners' own programs, signed."""
