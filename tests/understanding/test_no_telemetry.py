"""No library that runs models tells its maker."""

import os
import subprocess
import sys

PROGRAM = """
import os, sys
import callgenie.understanding.models as models
assert "onnxruntime" in sys.modules
print(os.environ.get("ORT_DISABLE_TELEMETRY"))
"""


def test_telemetry_is_off_before_onnx_runtime_is_imported() -> None:
    """ONNX Runtime reads the variable when it is imported; `callgenie` is, before any module of its own."""
    without = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", PROGRAM], env=without, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
