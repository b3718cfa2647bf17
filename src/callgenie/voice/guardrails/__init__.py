"""Guards a hosted language model: no facts that it was not given, no decision that the caller did not make."""
