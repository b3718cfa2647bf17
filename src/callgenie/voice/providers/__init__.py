"""Providers that hear, think and speak; one file for each vendor."""
