"""What the API takes and shows of an account as a whole."""

from typing import Literal, Self, cast

from pydantic import Field, SecretStr

from callgenie.billing.schemas import UsageView
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.lifecycle.overview import Overview
from callgenie.lifecycle.signup import SignUpForm
from callgenie.profiles.models import BusinessChanges
from callgenie.profiles.schemas import BusinessBody, BusinessView, PreferencesView, SubscriptionView
from callgenie.users.models import ContactChanges, SessionTokens
from callgenie.users.schemas import SessionView, UserView


class RegistrationBody(ApiModel):
    """What signing up needs."""

    email: str = Field(examples=["owner@example.com"])
    password: SecretStr = Field(description="8 to 200 characters of any kind.")
    name: str = Field(examples=["Jane Miller"])
    phone: str | None = Field(default=None, examples=["+14155550123"], description="E.164.")

    def form(self) -> SignUpForm:
        """Return what somebody signs up with."""
        return SignUpForm(email=self.email, password=self.password.get_secret_value(), name=self.name, phone=self.phone)


class ProfileBody(ApiModel):
    """What is new about an account; a field left out keeps its value. A phone of null is none."""

    name: str = Field(default_factory=str)
    phone: str | None = Field(default_factory=lambda: None)
    business: BusinessBody = Field(default_factory=BusinessBody)

    def contact(self) -> ContactChanges:
        """Return what was named in the request of name and phone number."""
        return cast("ContactChanges", self.model_dump(include={"name", "phone"}, exclude_unset=True))

    def business_changes(self) -> BusinessChanges:
        """Return what was named in the request of the business."""
        return self.business.changes()


class ProfileView(ApiView):
    """A user's settings and state."""

    preferences: PreferencesView
    business: BusinessView
    subscription: SubscriptionView
    phone_number: str | None
    usage: UsageView

    @classmethod
    def of(cls, overview: Overview) -> Self:
        """Show a profile."""
        profile, period = overview.profile, overview.usage.period
        return cls(
            preferences=PreferencesView.of(profile.preferences),
            business=BusinessView.of(profile.business, profile.preferences),
            subscription=SubscriptionView.of(profile.subscription, start=period.start, end=period.end),
            phone_number=overview.phone_number,
            usage=UsageView.of(overview.usage),
        )


class OverviewView(ApiView):
    """An account as a whole."""

    user: UserView
    profile: ProfileView

    @classmethod
    def of(cls, overview: Overview) -> Self:
        """Show an overview."""
        return cls(user=UserView.of(overview.user), profile=ProfileView.of(overview))


class ErasureBody(ApiModel):
    """What erasing an account needs."""

    password: SecretStr = Field(description="Asked for again, because nothing of it can be brought back.")


class ErasureView(ApiView):
    """How an erasure stands."""

    status: Literal["erasing"] = Field(description="The account is shut; all that is kept about it is being deleted.")


class RegistrationView(ApiView):
    """A new account, signed in."""

    user: UserView
    profile: ProfileView
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str

    @classmethod
    def of(cls, tokens: SessionTokens, overview: Overview) -> Self:
        """Show a new account and its first session."""
        session = SessionView.of(tokens)
        return cls(
            user=session.user,
            profile=ProfileView.of(overview),
            access_token=session.access_token,
            token_type=session.token_type,
            expires_in=session.expires_in,
            refresh_token=session.refresh_token,
        )
