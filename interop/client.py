"""Signs up, logs in and reads the profile, through a package generated from the document."""

from portcullis_client import AuthenticatedClient, Client
from portcullis_client.api.account import log_in as post_login
from portcullis_client.api.account import sign_up as post_signup
from portcullis_client.api.profile import read_own_profile
from portcullis_client.models import Account, InvalidInput, LogIn, Profile, SignUp, TokenAnswer


class ApiError(Exception):
    def __init__(self, answer):
        super().__init__(answer.status_code, answer.parsed)
        self.status = answer.status_code
        self.problem = answer.parsed  # Problem, LogInProblem or InvalidInput; None if the document does not list the response

    def __str__(self) -> str:
        if isinstance(self.problem, InvalidInput):
            return "; ".join(f"{'.'.join(map(str, field.loc))}: {field.msg}" for field in self.problem.detail)
        return self.problem.detail if self.problem else "a response that the document does not list"


def sign_up(base_url: str, email: str, full_name: str, password: str) -> int:
    body = SignUp(email=email, full_name=full_name, password=password)
    answer = post_signup.sync_detailed(client=Client(base_url), body=body)
    if not isinstance(answer.parsed, Account):
        raise ApiError(answer)
    return answer.parsed.id


def log_in(base_url: str, username: str, password: str) -> str:
    answer = post_login.sync_detailed(client=Client(base_url), body=LogIn(username=username, password=password))
    if not isinstance(answer.parsed, TokenAnswer):
        raise ApiError(answer)
    return answer.parsed.access_token


def read_profile(base_url: str, token: str) -> Profile:
    answer = read_own_profile.sync_detailed(client=AuthenticatedClient(base_url, token))
    if not isinstance(answer.parsed, Profile):
        raise ApiError(answer)
    return answer.parsed
