"""Questions to the assistant by text, for its owner to try it."""
