from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.accounts_page import AccountsPage
from ...models.invalid_input import InvalidInput
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    after: str | Unset = UNSET,
    attribute: str | Unset = UNSET,
    before: str | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    is_verified: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    role: str | Unset = UNSET,
    search: str | Unset = UNSET,
    value: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["after"] = after

    params["attribute"] = attribute

    params["before"] = before

    params["is_active"] = is_active

    params["is_verified"] = is_verified

    params["limit"] = limit

    params["role"] = role

    params["search"] = search

    params["value"] = value

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/admin/accounts",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AccountsPage | InvalidInput | Problem | None:
    if response.status_code == 200:
        response_200 = AccountsPage.from_dict(response.json())

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
) -> Response[AccountsPage | InvalidInput | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    attribute: str | Unset = UNSET,
    before: str | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    is_verified: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    role: str | Unset = UNSET,
    search: str | Unset = UNSET,
    value: str | Unset = UNSET,
) -> Response[AccountsPage | InvalidInput | Problem]:
    """List and find accounts

    Args:
        after (str | Unset):
        attribute (str | Unset):
        before (str | Unset):
        is_active (bool | Unset):
        is_verified (bool | Unset):
        limit (int | Unset):
        role (str | Unset):
        search (str | Unset):
        value (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AccountsPage | InvalidInput | Problem]
    """

    kwargs = _get_kwargs(
        after=after,
        attribute=attribute,
        before=before,
        is_active=is_active,
        is_verified=is_verified,
        limit=limit,
        role=role,
        search=search,
        value=value,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    attribute: str | Unset = UNSET,
    before: str | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    is_verified: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    role: str | Unset = UNSET,
    search: str | Unset = UNSET,
    value: str | Unset = UNSET,
) -> AccountsPage | InvalidInput | Problem | None:
    """List and find accounts

    Args:
        after (str | Unset):
        attribute (str | Unset):
        before (str | Unset):
        is_active (bool | Unset):
        is_verified (bool | Unset):
        limit (int | Unset):
        role (str | Unset):
        search (str | Unset):
        value (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AccountsPage | InvalidInput | Problem
    """

    return sync_detailed(
        client=client,
        after=after,
        attribute=attribute,
        before=before,
        is_active=is_active,
        is_verified=is_verified,
        limit=limit,
        role=role,
        search=search,
        value=value,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    attribute: str | Unset = UNSET,
    before: str | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    is_verified: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    role: str | Unset = UNSET,
    search: str | Unset = UNSET,
    value: str | Unset = UNSET,
) -> Response[AccountsPage | InvalidInput | Problem]:
    """List and find accounts

    Args:
        after (str | Unset):
        attribute (str | Unset):
        before (str | Unset):
        is_active (bool | Unset):
        is_verified (bool | Unset):
        limit (int | Unset):
        role (str | Unset):
        search (str | Unset):
        value (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AccountsPage | InvalidInput | Problem]
    """

    kwargs = _get_kwargs(
        after=after,
        attribute=attribute,
        before=before,
        is_active=is_active,
        is_verified=is_verified,
        limit=limit,
        role=role,
        search=search,
        value=value,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    attribute: str | Unset = UNSET,
    before: str | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    is_verified: bool | Unset = UNSET,
    limit: int | Unset = UNSET,
    role: str | Unset = UNSET,
    search: str | Unset = UNSET,
    value: str | Unset = UNSET,
) -> AccountsPage | InvalidInput | Problem | None:
    """List and find accounts

    Args:
        after (str | Unset):
        attribute (str | Unset):
        before (str | Unset):
        is_active (bool | Unset):
        is_verified (bool | Unset):
        limit (int | Unset):
        role (str | Unset):
        search (str | Unset):
        value (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AccountsPage | InvalidInput | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            after=after,
            attribute=attribute,
            before=before,
            is_active=is_active,
            is_verified=is_verified,
            limit=limit,
            role=role,
            search=search,
            value=value,
        )
    ).parsed
