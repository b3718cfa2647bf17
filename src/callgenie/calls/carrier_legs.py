"""The carrier's own half of a call, which may live on when our half is gone."""

from typing import Final, Protocol

import structlog

from callgenie.telephony.twilio.rest import TwilioApiError

_log = structlog.get_logger(__name__)

LEG_ENDED: Final = "carrier.leg_ended"
LEG_LEFT: Final = "carrier.leg_left"


class CarrierApi(Protocol):
    """Where a carrier takes orders about calls."""

    async def hang_up(self, call_sid: str) -> bool:
        """End a call; return whether it still went on.

        Raises:
            TwilioApiError: It was not done, or may not have been.
        """
        ...


class CarrierLegs:
    """Ends what no media socket reaches any more. Without an API the carrier finds out for itself, later."""

    def __init__(self, api: CarrierApi | None = None) -> None:
        self._api = api

    async def end(self, leg: str) -> None:
        """Hang up; that it did not work is only written down, for our side of the call is over already."""
        if self._api is None:
            return
        try:
            went_on = await self._api.hang_up(leg)
        except TwilioApiError as error:
            _log.warning(LEG_LEFT, leg=leg, failure=error.failure, code=error.code)
        else:
            _log.info(LEG_ENDED, leg=leg, went_on=went_on)
