from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.invalid_input import InvalidInput
from ...models.log_in_problem import LogInProblem
from ...models.mfa_token import MfaToken
from ...models.passkey_request_options import PasskeyRequestOptions
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    *,
    body: MfaToken,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/login/factor/passkey/options",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> InvalidInput | LogInProblem | Problem | PasskeyRequestOptions | None:
    if response.status_code == 200:
        response_200 = PasskeyRequestOptions.from_dict(response.json())

        return response_200

    if response.status_code == 400:

        def _parse_response_400(data: object) -> LogInProblem | Problem:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_400_type_0 = Problem.from_dict(data)

                return response_400_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_400_type_1 = LogInProblem.from_dict(data)

            return response_400_type_1

        response_400 = _parse_response_400(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = LogInProblem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = LogInProblem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = LogInProblem.from_dict(response.json())

        return response_404

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = InvalidInput.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = LogInProblem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = LogInProblem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[InvalidInput | LogInProblem | Problem | PasskeyRequestOptions]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: MfaToken,
) -> Response[InvalidInput | LogInProblem | Problem | PasskeyRequestOptions]:
    """Get the passkey options for a second factor

    Args:
        body (MfaToken): A login that waits for its second factor.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | LogInProblem | LogInProblem | Problem | PasskeyRequestOptions | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: MfaToken,
) -> InvalidInput | LogInProblem | Problem | PasskeyRequestOptions | None:
    """Get the passkey options for a second factor

    Args:
        body (MfaToken): A login that waits for its second factor.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | LogInProblem | LogInProblem | Problem | PasskeyRequestOptions | Problem
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: MfaToken,
) -> Response[InvalidInput | LogInProblem | Problem | PasskeyRequestOptions]:
    """Get the passkey options for a second factor

    Args:
        body (MfaToken): A login that waits for its second factor.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | LogInProblem | LogInProblem | Problem | PasskeyRequestOptions | Problem]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: MfaToken,
) -> InvalidInput | LogInProblem | Problem | PasskeyRequestOptions | None:
    """Get the passkey options for a second factor

    Args:
        body (MfaToken): A login that waits for its second factor.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | LogInProblem | LogInProblem | Problem | PasskeyRequestOptions | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
