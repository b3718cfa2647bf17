"""Calls from a web page: audio as binary messages, all else as JSON texts."""
