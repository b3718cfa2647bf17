"""CallGenie answers a small business's phone: it listens, thinks, speaks, and keeps the record and the meter."""

__version__ = "0.1.0"
