from tests.support.accounts import Api, assert_problem

PATH = "/api/user/assign-phone"


async def test_a_user_gets_a_number_keeps_it_and_gives_it_back(api: Api) -> None:
    await api.services.numbers.import_numbers(["+14155550100", "+12125550100"])
    token = (await api.register())["accessToken"]
    first = await api.call("POST", PATH, token=token, json={"country": "us", "areaCode": "212"})
    assert (first.status_code, first.json()["phoneNumber"]) == (200, "+12125550100")
    assert first.json()["assignedAt"].endswith("Z")
    assert first.headers["cache-control"] == "no-store"
    assert (await api.call("POST", PATH, token=token)).json() == first.json()
    assert (await api.call("POST", PATH, token=token, json={})).json() == first.json()
    for _ in range(2):
        released = await api.call("DELETE", PATH, token=token)
        assert (released.status_code, released.content) == (204, b"")
    stored = await api.db.phonenumbers.find_one({"_id": "+12125550100"})
    assert stored is not None
    assert stored["state"] == "quarantine"
    taken = await api.call("POST", PATH, token=token, json={"number": "+12125550100"})
    assert_problem(taken, 409, "number_taken")


async def test_an_empty_pool_is_a_conflict(api: Api) -> None:
    token = (await api.register())["accessToken"]
    assert_problem(await api.call("POST", PATH, token=token, json={}), 409, "no_number_available")


async def test_a_wish_that_makes_no_sense_is_refused(api: Api) -> None:
    token = (await api.register())["accessToken"]
    bodies: tuple[object, ...] = (
        {"country": "USA"},
        {"areaCode": {"$ne": None}},
        {"areaCode": "4a5"},
        {"number": "4155550100"},
        {"userId": "somebody"},
        [],
    )
    for body in bodies:
        assert_problem(await api.call("POST", PATH, token=token, json=body), 422, "invalid")
    assert await api.db.phonenumbers.count_documents({}) == 0


async def test_without_a_token_there_is_no_number(api: Api) -> None:
    assert (await api.call("POST", PATH, json={})).status_code == 401
    assert (await api.call("DELETE", PATH)).status_code == 401
