"""A login whose access token is renewed before it expires, and errors as exceptions. Written by hand."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from http import HTTPStatus
from typing import Any, TypeVar

import httpx

from .api.account import log_in, log_out
from .client import AuthenticatedClient, Client
from .models import FieldError, InvalidInput, LogIn, OAuthError, TokenAnswer
from .types import UNSET, Response

T = TypeVar("T")

# An access token is renewed this many seconds before it expires, so that it does not expire on the way.
MARGIN = 15


class PortcullisError(Exception):
    """The server rejected a request, or a proxy did.

    Attributes:
        status: The HTTP status.
        problem: The response as its model; None if the document does not list it.
        code: The code that logins and `/token` give: `invalid_grant`, `mfa_required`, …
        fields: With 422: what is wrong with each field. Otherwise empty.
    """

    def __init__(self, status: int, problem: Any) -> None:
        self.status = int(status)
        self.problem = problem
        self.code: str | None = getattr(problem, "error", None)
        self.fields: list[FieldError] = problem.detail if isinstance(problem, InvalidInput) else []
        of_fields = "; ".join(f"{'.'.join(map(str, field.loc))}: {field.msg}" for field in self.fields)
        said = getattr(problem, "error_description", None) or getattr(problem, "detail", None)
        super().__init__(of_fields or said or f"HTTP status {self.status}")


def unwrap(response: Response[T]) -> T:
    """The model of a successful response.

    Raises:
        PortcullisError: The status is 400 or higher, or the document does not list it.
    """
    listed = response.parsed is not None or response.status_code == HTTPStatus.NO_CONTENT
    if response.status_code >= 400 or not listed:
        raise PortcullisError(response.status_code, response.parsed)
    return response.parsed  # type: ignore[return-value]


class Session:
    """A login.

    Attributes:
        client: Calls the API as the one who logged in, sync or async.
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenAnswer,
        *,
        received_at: float | None = None,
        on_renewed: Callable[[TokenAnswer], None] = lambda tokens: None,
        **options: Any,
    ) -> None:
        """Goes on with tokens that a login returned. Tokens that were kept may have expired: then they are renewed first.

        Args:
            base_url: Where the server is.
            tokens: What the login returned.
            received_at: When, as `time.time()`; now, if not given.
            on_renewed: Called with each renewed pair, for programs that keep tokens. The old refresh token no longer
                works.
            options: Further arguments of `AuthenticatedClient`, such as `timeout`.
        """
        self._auth = _Renewing(base_url, tokens, time.time() if received_at is None else received_at, on_renewed)
        arguments = options.pop("httpx_args", {}) | {"auth": self._auth}
        # The token that the client is given is replaced before each request.
        self.client = AuthenticatedClient(base_url, tokens.access_token, httpx_args=arguments, **options)

    @classmethod
    def log_in(cls, base_url: str, email: str, password: str, *, scope: str | None = None, **options: Any) -> "Session":
        """Logs in with email and password. The scope `offline_access` asks for a refresh token.

        Raises:
            PortcullisError: With the code `mfa_required` if the account has a second factor: send `problem.mfa_token`
                and a code to `/login/factor`, and give its response to `Session`.
        """
        body = LogIn(username=email, password=password, scope=UNSET if scope is None else scope)
        receives = {name: value for name, value in options.items() if name != "on_renewed"}
        answer = unwrap(log_in.sync_detailed(client=Client(base_url, **receives), body=body))
        if not isinstance(answer, TokenAnswer):
            raise PortcullisError(HTTPStatus.OK, answer)
        return cls(base_url, answer, **options)

    @property
    def tokens(self) -> TokenAnswer:
        """The tokens as they are now."""
        return self._auth.tokens

    def log_out(self) -> None:
        """Ends the session. Its tokens stop working immediately."""
        unwrap(log_out.sync_detailed(client=self.client))


class _Renewing(httpx.Auth):
    def __init__(
        self, base_url: str, tokens: TokenAnswer, received_at: float, on_renewed: Callable[[TokenAnswer], None]
    ) -> None:
        self.tokens = tokens
        self._url = base_url.rstrip("/") + "/token"
        self._expires_at = received_at + tokens.expires_in
        self._on_renewed = on_renewed
        # Requests at the same time wait for one renewal: a refresh token counts once.
        self._thread_lock = threading.Lock()
        self._task_lock = asyncio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        with self._thread_lock:
            if (renewal := self._renewal()) is not None:
                response = yield renewal
                response.read()
                self._take(response)
        yield self._signed(request)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        async with self._task_lock:
            if (renewal := self._renewal()) is not None:
                response = yield renewal
                await response.aread()
                self._take(response)
        yield self._signed(request)

    def _renewal(self) -> httpx.Request | None:
        if not self.tokens.refresh_token or time.time() < self._expires_at - MARGIN:
            return None
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens.refresh_token}
        return httpx.Request("POST", self._url, data=form)

    def _take(self, response: httpx.Response) -> None:
        if response.status_code != HTTPStatus.OK:
            raise PortcullisError(response.status_code, _problem(response))
        self.tokens = TokenAnswer.from_dict(response.json())
        self._expires_at = time.time() + self.tokens.expires_in
        self._on_renewed(self.tokens)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self.tokens.access_token}"
        return request


def _problem(response: httpx.Response) -> Any:
    try:
        return OAuthError.from_dict(response.json())
    except (ValueError, KeyError, TypeError):
        return None
