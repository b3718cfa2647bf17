"""Work that runs beside requests and calls."""
