"""What some tests need besides Python: a mark for each, and the sentence for where it is missing."""

import shutil
from collections.abc import Mapping
from typing import Final

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NODE: Final = shutil.which("node")
NPM: Final = shutil.which("npm")

# By mark, why its tests are skipped where what they need is missing.
REASONS: Final[Mapping[str, str]] = {
    "browser": "There is no Chromium on the PATH: install it, on Debian by `apt-get install chromium`.",
    "node": "There is no Node or no npm on the PATH: install them, on Debian by `apt-get install nodejs npm`.",
}
_FOUND: Final = {"browser": CHROMIUM, "node": NODE and NPM}
MISSING: Final = {mark: reason for mark, reason in REASONS.items() if not _FOUND[mark]}
