"""How carriers are told what to do."""

from callgenie.settings import Settings
from callgenie.telephony.twilio.rest import TwilioAccount, TwilioApi


def build_twilio_api(settings: Settings) -> TwilioApi | None:
    """Put together what asks Twilio for things, once it is set who asks."""
    sid = settings.twilio_account_sid
    if sid is None:
        return None
    username, password = sid, settings.twilio_auth_token
    if settings.twilio_api_key is not None:
        username, password = settings.twilio_api_key, settings.twilio_api_secret
    if password is None:
        return None
    return TwilioApi(TwilioAccount(sid=sid, username=username, password=password, base_url=settings.twilio_api_url))
