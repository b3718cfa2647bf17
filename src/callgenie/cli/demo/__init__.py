"""`callgenie demo`: a whole call on this machine, every part of it real but the telephone line."""
