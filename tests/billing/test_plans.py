from callgenie.billing.plans import PLANS
from callgenie.kernel.vocabulary import PlanName


def test_every_plan_allows_what_the_price_list_says() -> None:
    minutes = {name: plan.seconds and plan.seconds / 60 for name, plan in PLANS.items()}
    assert minutes == {"free": 30, "basic": 300, "premium": 3000, "enterprise": None}
    assert {name: plan.calls for name, plan in PLANS.items()} == {
        "free": 10,
        "basic": 100,
        "premium": 1000,
        "enterprise": None,
    }
    assert {name: plan.concurrent for name, plan in PLANS.items()} == {
        "free": 1,
        "basic": 3,
        "premium": 10,
        "enterprise": 50,
    }


def test_no_plan_is_without_limits() -> None:
    assert set(PLANS) == set(PlanName)
