"""Timeouts of client connections, and the memory limit of unfinished requests."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ConnectionSettings(BaseSettings):
    """Timeouts of client connections, and the memory limit of unfinished requests."""

    http_head_seconds: float = Field(
        default=20,
        ge=0.1,
        le=600,
        validation_alias="HTTP_HEAD_SECONDS",
        description="Seconds for the head of a request to arrive; after that the answer is 408.",
    )
    http_body_seconds: float = Field(
        default=120,
        ge=0.1,
        le=3_600,
        validation_alias="HTTP_BODY_SECONDS",
        description="Seconds for the body of a request to arrive; after that the answer is 408. The longest body, "
        "1 MiB, then needs a line of 70 kbit/s.",
    )
    http_body_grace_seconds: float = Field(
        default=10,
        ge=0.1,
        le=600,
        validation_alias="HTTP_BODY_GRACE_SECONDS",
        description="Seconds in which a body may be slower than 1 KiB/s; a body that is slower for longer is answered "
        "with 408.",
    )
    http_write_seconds: float = Field(
        default=60,
        ge=0.1,
        le=3_600,
        validation_alias="HTTP_WRITE_SECONDS",
        description="Seconds in which a client that is behind has to read 1 KiB of its answer for each of them; the "
        "connection is cut where it does not.",
    )
    http_bodies_mib: int = Field(
        default=32,
        ge=4,
        le=4_096,
        validation_alias="HTTP_BODIES_MIB",
        description="Memory in MiB, for each process, for bodies of requests that are not answered yet; beyond it "
        "the answer is 503. A quarter is for clients that are not signed in, and one client gets half at most.",
    )
