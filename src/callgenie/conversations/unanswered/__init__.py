"""The questions of callers that the assistant could not answer, for the owner to add to the FAQ."""
