"""Signs up, logs in and reads the profile."""

from portcullis_client import Client
from portcullis_client.api.account import sign_up as post_signup
from portcullis_client.api.profile import read_own_profile
from portcullis_client.models import Account, Profile, SignUp
from portcullis_client.session import Session, unwrap


def sign_up(base_url: str, email: str, full_name: str, password: str) -> int:
    body = SignUp(email=email, full_name=full_name, password=password)
    account = unwrap(post_signup.sync_detailed(client=Client(base_url), body=body))
    # With quiet sign-up (202), only the email says whether there is an account.
    if not isinstance(account, Account):
        raise RuntimeError(account.detail)
    return account.id


def log_in(base_url: str, email: str, password: str) -> Session:
    # With `offline_access` the session renews its access token. Without it, it works for 5 minutes.
    return Session.log_in(base_url, email, password, scope="profile:read profile:write account offline_access")


def read_profile(session: Session) -> Profile:
    return unwrap(read_own_profile.sync_detailed(client=session.client))
