"""The sound of calls: written while they last, kept in an object store, played by link, removed in time."""
