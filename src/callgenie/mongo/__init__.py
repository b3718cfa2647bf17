"""The database: client, embedded server, indexes and validators."""
