"""Every collection with its indexes and validator, and how a database is brought into that shape."""

from callgenie.mongo.schema.apply import check_db, init_db
from callgenie.mongo.schema.catalogue import COLLECTIONS

__all__ = ["COLLECTIONS", "check_db", "init_db"]
