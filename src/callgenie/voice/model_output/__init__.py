"""Output of language models made fit to be spoken: text without markup and reasoning, tool calls that can be run."""
