"""What the API shows of analyses."""

from datetime import datetime
from typing import Self

from pydantic import Field

from callgenie.conversations.models import Analysis, AnalysisState
from callgenie.http.bodies import ApiView


class AnalysisView(ApiView):
    """What a call came to."""

    state: AnalysisState = Field(description="`failed`: the model gave none, so the rules have summed the call up.")
    summary: str
    caller_name: str | None = Field(description="As far as it was said.")
    wish: str | None = Field(description="What the caller wanted, as far as it was said.")
    by: str = Field(description="The model that made it, or `rules`, which repeat what is on record.")
    at: datetime

    @classmethod
    def of(cls, analysis: Analysis) -> Self:
        """Show an analysis."""
        return cls(
            state=analysis.state,
            summary=analysis.summary,
            caller_name=analysis.caller_name,
            wish=analysis.wish,
            by=analysis.by,
            at=analysis.at,
        )
