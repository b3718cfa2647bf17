"""Whether, where and for how long recordings of calls are kept."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

# Amazon's rules for names of buckets, which other stores share or narrow.
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _recordings_url(text: str) -> str:
    parts = urlsplit(text)
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    is_bucket = parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc) is not None
    if not (is_folder or is_bucket) or parts.query or parts.fragment:
        raise ValueError("must look like file:///var/lib/callgenie/recordings or s3://bucket/prefix")
    return text.rstrip("/")


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a whole http or https address, such as https://s3.example.com")
    return text.rstrip("/")


class RecordingSettings(BaseSettings):
    """Whether, where and for how long recordings of calls are kept."""

    recordings: Literal["on", "off"] = Field(
        default="on",
        validation_alias="RECORDINGS",
        description="Whether owners may have their calls recorded; each owner's recordCalls is off until they turn "
        "it on. off records nothing, and plays and removes what was recorded before.",
    )
    recordings_url: Annotated[str, AfterValidator(_recordings_url)] | None = Field(
        default=None,
        validation_alias="RECORDINGS_URL",
        description="Where recordings are kept: file:///folder or s3://bucket/prefix; "
        "without it the folder recordings in the data folder.",
    )
    recordings_s3_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        validation_alias="RECORDINGS_S3_ENDPOINT",
        description="The address of an S3 store that is not Amazon's, such as https://s3.example.com.",
    )
    recordings_s3_region: str = Field(
        default="us-east-1",
        min_length=1,
        validation_alias="RECORDINGS_S3_REGION",
        description="The bucket's region.",
    )
    recordings_s3_key_id: str | None = Field(
        default=None,
        validation_alias="RECORDINGS_S3_KEY_ID",
        description="The access key's id; without it the role of the machine is asked for one.",
    )
    recordings_s3_secret: SecretStr | None = Field(
        default=None,
        validation_alias="RECORDINGS_S3_SECRET",
        description="The access key's secret.",
    )
    recording_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        validation_alias="RECORDING_DAYS",
        description="How long a recording is kept where the owner says nothing else; then it is removed.",
    )
    recording_link_minutes: int = Field(
        default=15,
        ge=1,
        le=1_440,
        validation_alias="RECORDING_LINK_MINUTES",
        description="How long a link to a recording works.",
    )
