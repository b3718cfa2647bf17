"""`callgenie simulate`: plays a caller from a script against any server, and says whether it heard what it should."""
