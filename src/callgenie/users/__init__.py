"""Accounts: users, passwords, tokens and sessions."""
