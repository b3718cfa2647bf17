"""One short seeded run of the kind that `make faults` has many of."""

from tests.faults.nursery import open_nursery
from tests.faults.replica_set import replica_set
from tests.faults.run import run


async def test_nothing_acknowledged_is_lost_or_doubled_while_the_primary_is_killed_twice() -> None:
    async with replica_set() as cluster, open_nursery() as nursery:
        verdict = await run(cluster, nursery, "kill-primary", 7)
    assert verdict.faults == ()
    # A run in which nothing happened would prove nothing.
    assert verdict.acknowledged > 50
    assert verdict.calls_answered > 0
    assert verdict.gap_seconds > 0.5
