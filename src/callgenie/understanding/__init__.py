"""Natural-language understanding: caller text in, dialogue acts, slots and the answering FAQ entry out. Pure."""
