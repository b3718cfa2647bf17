"""What `make bench` measures: the stack against the bare driver, reads in a long history, and calls at once."""
