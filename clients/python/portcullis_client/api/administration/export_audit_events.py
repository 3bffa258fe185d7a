from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.invalid_input import InvalidInput
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    account: int | Unset = UNSET,
    event: str | Unset = UNSET,
    views: bool | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["account"] = account

    params["event"] = event

    params["views"] = views

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/admin/audit-events.csv",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> InvalidInput | Problem | str | None:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 422:
        response_422 = InvalidInput.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = Problem.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[InvalidInput | Problem | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    account: int | Unset = UNSET,
    event: str | Unset = UNSET,
    views: bool | Unset = UNSET,
) -> Response[InvalidInput | Problem | str]:
    """Export the audit log as CSV

    Args:
        account (int | Unset):
        event (str | Unset):
        views (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | Problem | str]
    """

    kwargs = _get_kwargs(
        account=account,
        event=event,
        views=views,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    account: int | Unset = UNSET,
    event: str | Unset = UNSET,
    views: bool | Unset = UNSET,
) -> InvalidInput | Problem | str | None:
    """Export the audit log as CSV

    Args:
        account (int | Unset):
        event (str | Unset):
        views (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | Problem | str
    """

    return sync_detailed(
        client=client,
        account=account,
        event=event,
        views=views,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    account: int | Unset = UNSET,
    event: str | Unset = UNSET,
    views: bool | Unset = UNSET,
) -> Response[InvalidInput | Problem | str]:
    """Export the audit log as CSV

    Args:
        account (int | Unset):
        event (str | Unset):
        views (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | Problem | str]
    """

    kwargs = _get_kwargs(
        account=account,
        event=event,
        views=views,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    account: int | Unset = UNSET,
    event: str | Unset = UNSET,
    views: bool | Unset = UNSET,
) -> InvalidInput | Problem | str | None:
    """Export the audit log as CSV

    Args:
        account (int | Unset):
        event (str | Unset):
        views (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | Problem | str
    """

    return (
        await asyncio_detailed(
            client=client,
            account=account,
            event=event,
            views=views,
        )
    ).parsed
