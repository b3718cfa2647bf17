"""The planted bugs can still be planted; whether they are caught is for `make faults-teeth`, which takes minutes."""

from pathlib import Path

import pytest
from tests.faults.nemesis import NEMESES
from tests.faults.teeth import TEETH, Tooth, planted
from tests.support.processes import ROOT


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: tooth.name)
def test_a_planted_bug_still_has_its_place(tooth: Tooth, tmp_path: Path) -> None:
    source = planted(tooth, tmp_path)
    for name, _, _ in tooth.changes:
        changed = (source / "callgenie" / name).read_text(encoding="utf-8")
        assert changed != (ROOT / "src" / "callgenie" / name).read_text(encoding="utf-8")
        compile(changed, name, "exec")


def test_each_names_something_that_can_catch_it() -> None:
    for tooth in TEETH:
        assert tooth.faults or tooth.tests
        assert set(tooth.faults) <= set(NEMESES)
        assert bool(tooth.faults) == bool(tooth.says)
        assert all((ROOT / test).exists() for test in tooth.tests)
