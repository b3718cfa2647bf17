"""Steps 6 of the metering protocol: what a conversation says is billable becomes usage, once."""

from callgenie.billing.ledger import UsageLedger
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation


class Settlement:
    """Settles calls that are over. The order is the protocol: the conversation first, the ledger second."""

    def __init__(self, ledger: UsageLedger, calls: LiveCallStore) -> None:
        self._ledger = ledger
        self._calls = calls

    async def settle(self, conversation: Conversation) -> None:
        """Turn the conversation's hold into usage and note that it is done; again: nothing happens.

        The conversation is final before this is called, so whoever settles it, and how often, settles the same.
        """
        if conversation.billable_seconds is None or conversation.lease_until is None:
            return
        await self._ledger.settle(
            conversation.metered,
            billable_seconds=conversation.billable_seconds,
            counted=bool(conversation.counted),
        )
        await self._calls.mark_settled(conversation)
