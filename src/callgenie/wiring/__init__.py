"""Puts the program together: settings in, services out. The only place that picks classes."""
