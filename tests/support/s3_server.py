"""A local S3 server, as a process of its own with real sockets, and ways to take it away and bring it back."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import boto3
from tests.support.processes import PATIENCE_SECONDS

from callgenie.recordings.obstore_objects import ObstoreObjects, bucket_objects

REGION: Final = "us-east-1"
KEY_ID: Final = "a key of this test"
SECRET: Final = "and its secret"


@dataclass
class S3Server:
    """One server on one port; what it keeps is gone when it stops."""

    port: int
    buckets: set[str] = field(default_factory=set)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = str(Path(sys.executable).parent / "moto_server")
        command = [program, "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - a program of our own environment
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < give_up_at, "the S3 server does not start"
                time.sleep(0.05)
            else:
                break
        for bucket in self.buckets:
            self._make(bucket)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def bucket(self, name: str) -> str:
        if name not in self.buckets:
            self._make(name)
            self.buckets.add(name)
        return name

    def objects(self, bucket: str, prefix: str = "", *, secret: str = SECRET) -> ObstoreObjects:
        return bucket_objects(bucket, prefix, endpoint=self.url, region=REGION, key_id=KEY_ID, secret=secret)

    def _make(self, bucket: str) -> None:
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )
        with contextlib.closing(client):
            client.create_bucket(Bucket=bucket)


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = S3Server(port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
