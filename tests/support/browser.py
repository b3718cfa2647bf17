"""A real browser whose microphone is a recording."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page, async_playwright
from tests.support.outside import CHROMIUM

from callgenie.audio.wav import StereoWavWriter

# A browser of its own would fetch updates and settings; nothing here may reach beyond this machine.
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)


# Listens to whatever the page connects to the loudspeaker, and counts the moments at which it is not quiet there.
_LISTEN: Final = """
globalThis.loudMoments = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...more) {
  if (target === this.context.destination) {
    const ear = new AnalyserNode(this.context);
    const samples = new Float32Array(ear.fftSize);
    connect.call(this, ear);
    setInterval(() => {
      ear.getFloatTimeDomainData(samples);
      if (samples.some((sample) => Math.abs(sample) > 0.02)) globalThis.loudMoments += 1;
    }, 50);
  }
  return connect.call(this, target, ...more);
};
"""


class Visitor:
    """A page, and whatever it complained of on the console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    async def loud_moments(self) -> int:
        """Return at how many moments, twenty a second, the loudspeaker was not quiet."""
        return int(await self.page.evaluate("loudMoments"))

    async def sign_in(self, url: str, email: str, password: str) -> None:
        await self.page.goto(f"{url}/call")
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()


@asynccontextmanager
async def visiting(*, says: Path | None) -> AsyncIterator[Visitor]:
    """Open a page in a browser whose microphone plays `says` once; None refuses the microphone."""
    if says is None:
        microphone = ["--deny-permission-prompts"]
    else:
        microphone = ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={says}%noloop"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *microphone])
        try:
            page = await browser.new_page(viewport={"width": 390, "height": 844})
            await page.add_init_script(_LISTEN)
            yield Visitor(page)
        finally:
            await browser.close()


def write_microphone(path: Path, samples: NDArray[np.int16], *, sample_rate: int) -> None:
    """Write what the browser takes for a microphone: the same on both sides."""
    pcm = samples.astype("<i2").tobytes()
    with StereoWavWriter(path, sample_rate=sample_rate) as writer:
        writer.write(pcm, pcm)
