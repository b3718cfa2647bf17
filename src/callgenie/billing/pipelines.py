"""The update pipelines of the usage ledger, each a whole step; `ledger` sends them.

    {_id: "userId:periodStart", userId, periodStart, calls, seconds, held,
     holds: {<digest of the session id>: {seconds, calls, live, sessionId, expiresAt}},
     gone: [{id: <digest>, at}], nextExpiryAt?, carried?: {calls, seconds}}

Every pipeline begins with `_opening` and ends with `_TOTALS`, so that `held` and `nextExpiryAt` cannot disagree with
the holds: they are computed from them in the same write. Whatever comes from outside is wrapped in `$literal`,
because an expression would read a leading dollar as the path of a field.
"""

from datetime import datetime
from typing import Any, Final

from callgenie.billing.models import MeteredCall, MeteredPeriod
from callgenie.billing.plans import Plan

Stage = dict[str, Any]
Expression = Any

# What a call gets to begin with. Long enough for three renewals to fail, short enough that a plan's last minutes are
# shared between the calls in progress.
ADMIT_SECONDS: Final = 60

# A worker renews every 20 seconds; after three missed renewals it is taken for dead.
LEASE_SECONDS: Final = 60

# How long the ids of calls that are over are remembered, against an admission that was stuck on its way. It must be
# longer than an admission can be on its way (the deadline that the caller gives), and no longer: with 2,000 entries
# an update takes six times as long.
GONE_SECONDS: Final = 60

_HOLDS: Final = {"$objectToArray": "$holds"}
_LEASE_END: Final = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}


def _sum_of_holds(field: str) -> Expression:
    return {"$sum": {"$map": {"input": _HOLDS, "as": "hold", "in": f"$$hold.v.{field}"}}}


_LIVE_HOLDS: Final = {"$size": {"$filter": {"input": _HOLDS, "as": "hold", "cond": "$$hold.v.live"}}}

_TOTALS: Final[Stage] = {
    "$set": {
        "held": _sum_of_holds("seconds"),
        "nextExpiryAt": {
            "$ifNull": [{"$min": {"$map": {"input": _HOLDS, "as": "hold", "in": "$$hold.v.expiresAt"}}}, "$$REMOVE"]
        },
    }
}


def _opening(owner: Any, call: MeteredCall | MeteredPeriod) -> Stage:
    """Give a new document its fields, and forget the calls that have been gone for long enough."""
    remembered = {"$gt": ["$$past.at", {"$subtract": ["$$NOW", GONE_SECONDS * 1000]}]}
    return {
        "$set": {
            "userId": owner,
            "periodStart": call.period_start,
            "calls": {"$ifNull": ["$calls", 0]},
            "seconds": {"$ifNull": ["$seconds", 0]},
            "held": {"$ifNull": ["$held", 0]},
            "holds": {"$ifNull": ["$holds", {}]},
            "gone": {"$filter": {"input": {"$ifNull": ["$gone", []]}, "as": "past", "cond": remembered}},
        }
    }


def _has_hold(call: MeteredCall) -> Expression:
    return {"$ne": [{"$type": f"$holds.{call.hold_key}"}, "missing"]}


def _is_gone(call: MeteredCall) -> Expression:
    return {"$in": [call.hold_key, "$gone.id"]}


def _may_come(call: MeteredCall, admit_by: datetime) -> list[Expression]:
    """Keep out an admission that was stuck in a frozen server's buffer until its call was long over."""
    return [{"$lte": ["$$NOW", admit_by]}, {"$not": [_is_gone(call)]}]


def _rest(plan_seconds: int) -> Expression:
    return {"$max": [0, {"$subtract": [plan_seconds, {"$add": ["$seconds", "$held"]}]}]}


def _a_call_is_left(plan: Plan) -> list[Expression]:
    return [] if plan.calls is None else [{"$lt": [{"$add": ["$calls", _sum_of_holds("calls")]}, plan.calls]}]


def _hold(call: MeteredCall, *, seconds: Expression, calls: Expression, live: bool) -> Expression:
    return {
        "seconds": seconds,
        "calls": calls,
        "live": {"$literal": live},
        "sessionId": {"$literal": call.session_id},
        "expiresAt": _LEASE_END,
    }


def _place(call: MeteredCall, conditions: list[Expression], hold: Expression) -> Stage:
    """Place a hold where there is none yet and the conditions are met; a hold that is there stays as it is."""
    path = f"holds.{call.hold_key}"
    return {"$set": {path: {"$ifNull": [f"${path}", {"$cond": [{"$and": conditions}, hold, "$$REMOVE"]}]}}}


def admit(owner: Any, call: MeteredCall, plan: Plan, *, admit_by: datetime, calls: int = 1) -> list[Stage]:
    """Step 2: hold the first seconds of a live call, if the plan has room for it."""
    conditions = [
        *_may_come(call, admit_by),
        *_a_call_is_left(plan),
        *([] if plan.seconds is None else [{"$gt": [_rest(plan.seconds), 0]}]),
        {"$lt": [_LIVE_HOLDS, plan.concurrent]},
    ]
    seconds = ADMIT_SECONDS if plan.seconds is None else {"$min": [ADMIT_SECONDS, _rest(plan.seconds)]}
    hold = _hold(call, seconds=seconds, calls=calls, live=True)
    return [_opening(owner, call), _place(call, conditions, hold), _TOTALS]


def admit_recorded(owner: Any, call: MeteredCall, plan: Plan, *, duration: int, admit_by: datetime) -> list[Stage]:
    """Step 2 for a call that was held elsewhere and is over: hold what still fits the plan, even if that is nothing."""
    seconds = duration if plan.seconds is None else {"$min": [duration, _rest(plan.seconds)]}
    calls = {"$cond": [{"$and": _a_call_is_left(plan)}, 1, 0]}
    hold = _hold(call, seconds=seconds, calls=calls, live=False)
    return [_opening(owner, call), _place(call, _may_come(call, admit_by), hold), _TOTALS]


def extend(owner: Any, call: MeteredCall, plan: Plan, *, total_seconds: int) -> list[Stage]:
    """Step 4: raise a hold to `total_seconds`, or as near as the plan allows, and renew its lease.

    The figure is absolute, so that a repetition raises nothing. A hold never shrinks: what was granted was promised.
    """
    path = f"holds.{call.hold_key}"
    wanted: Expression = total_seconds
    if plan.seconds is not None:
        wanted = {"$min": [total_seconds, {"$add": [f"${path}.seconds", _rest(plan.seconds)]}]}
    raised = {"seconds": {"$max": [f"${path}.seconds", wanted]}, "expiresAt": _LEASE_END}
    hold = {"$cond": [_has_hold(call), {"$mergeObjects": [f"${path}", raised]}, "$$REMOVE"]}
    return [_opening(owner, call), {"$set": {path: hold}}, _TOTALS]


def settle(owner: Any, call: MeteredCall, *, billable_seconds: int, counted: bool) -> list[Stage]:
    """Step 6: turn a hold into usage. The write consumes the hold, so that a second one finds nothing to turn.

    No more is taken than was held: whatever a worker believes, the plan's limit is never passed here.
    """
    path = f"holds.{call.hold_key}"
    used = {"$cond": [_has_hold(call), {"$min": [billable_seconds, f"${path}.seconds"]}, 0]}
    come = {"$cond": [_has_hold(call), int(counted), 0]}
    gone = {"$concatArrays": ["$gone", [{"id": call.hold_key, "at": "$$NOW"}]]}
    consume = {
        "seconds": {"$add": ["$seconds", used]},
        "calls": {"$add": ["$calls", come]},
        "gone": {"$cond": [_is_gone(call), "$gone", gone]},
        path: "$$REMOVE",
    }
    return [_opening(owner, call), {"$set": consume}, _TOTALS]


def carry_over(owner: Any, period: MeteredPeriod, plan: Plan, *, calls: int, seconds: int) -> list[Stage]:
    """Count what the period had used before a migration, as far as it fits the plan.

    `carried` is that part of `calls` and `seconds`. It is replaced as a whole, so a repetition counts nothing twice,
    and it never shrinks: what was counted once stays counted, also when later calls have filled the plan.
    """
    carried = {
        "calls": _carried("calls", calls, plan.calls, _sum_of_holds("calls")),
        "seconds": _carried("seconds", seconds, plan.seconds, "$held"),
    }
    grown = {
        name: {"$add": [f"${name}", {"$subtract": [f"$new.{name}", {"$ifNull": [f"$carried.{name}", 0]}]}]}
        for name in carried
    }
    return [
        _opening(owner, period),
        {"$set": {"new": carried}},
        {"$set": {**grown, "carried": "$new", "new": "$$REMOVE"}},
        _TOTALS,
    ]


def _carried(name: str, wanted: int, limit: int | None, held: Expression) -> Expression:
    before = {"$ifNull": [f"$carried.{name}", 0]}
    if limit is None:
        return {"$max": [before, wanted]}
    others = {"$subtract": [{"$add": [f"${name}", held]}, before]}
    return {"$max": [before, {"$min": [wanted, {"$subtract": [limit, others]}]}]}
