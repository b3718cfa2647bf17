"""What `make bench` measures: the whole stack against the bare driver, and calls at once in one process."""
