"""How carriers are told what to do, and calls placed."""

from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.greeter import Greeter
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.outbound import OutboundCalls
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.outbound_store import OutboundCallStore
from callgenie.numbers.do_not_call import DoNotCallList
from callgenie.settings import Settings
from callgenie.telephony.twilio.rest import TwilioAccount, TwilioApi
from callgenie.wiring.records import Records


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


def build_outbound_calls(
    records: Records,
    api: TwilioApi | None,
    calls: LiveCallStore,
    do_not_call: DoNotCallList,
    legs: CarrierLegs,
    live: LiveCalls,
    tokens: MediaTokens,
    greeter: Greeter,
) -> OutboundCalls:
    """Put together what places calls; it refuses to where the carrier could not find its way back to us."""
    public_url = records.settings.public_url
    return OutboundCalls(
        api=None if public_url is None else api,
        public_url=public_url or "",
        numbers=records.numbers,
        do_not_call=do_not_call,
        profiles=records.profiles,
        terms=records.terms,
        calls=calls,
        store=OutboundCallStore(records.database.db),
        ledger=records.ledger,
        legs=legs,
        live=live,
        tokens=tokens,
        clock=records.clock,
        randomness=records.randomness,
        expect=greeter.expect,
    )
