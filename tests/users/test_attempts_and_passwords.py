"""What trying passwords costs, on the application as it is served."""

from typing import Any

from tests.support.accounts import PASSWORD, assert_problem
from tests.support.mail_sink import mail_sink
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database

EMAIL = "owner@example.com"
NEW = "another good password"


async def register(api: WholeApi) -> dict[str, Any]:
    body = {"email": EMAIL, "password": PASSWORD, "name": "Jane Miller"}
    registered: dict[str, Any] = (await api.call("POST", "/api/auth/register", json=body)).json()
    return registered


async def test_who_is_locked_out_can_reset_and_is_let_in_at_once(connected: Database) -> None:
    async with (
        mail_sink() as sink,
        serving_everything(connected, smtp_host="127.0.0.1", smtp_port=sink.port, email_verification="optional") as api,
    ):
        await register(api)
        for _ in range(5):
            assert_problem(await api.log_in(password="a wrong password"), 401, "invalid_credentials")
        assert (await api.log_in()).status_code == 429
        await api.call("POST", "/api/auth/forgot-password", json={"email": EMAIL})
        await api.whole.delivery.deliver()
        body = {"token": sink.tokens()[-1], "password": NEW}
        assert (await api.call("POST", "/api/auth/reset-password", json=body)).status_code == 204
        assert (await api.log_in(password=NEW)).status_code == 200


async def test_a_session_is_no_way_to_try_passwords(connected: Database) -> None:
    async with serving_everything(connected) as api:
        token = (await register(api))["accessToken"]
        answers = [
            await api.call(
                "POST",
                "/api/auth/change-password",
                token=token,
                json={"currentPassword": f"a wrong password {number}", "newPassword": NEW},
            )
            for number in range(6)
        ]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert (await api.call("GET", "/api/user/profile", token=token)).status_code == 200
