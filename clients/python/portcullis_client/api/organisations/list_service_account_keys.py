from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.api_key import ApiKey
from ...models.invalid_input import InvalidInput
from ...models.problem import Problem
from ...types import Response


def _get_kwargs(
    id: str,
    account: int,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/organisations/{id}/service-accounts/{account}/keys".format(
            id=quote(str(id), safe=""),
            account=quote(str(account), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> InvalidInput | Problem | list[ApiKey] | None:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = ApiKey.from_dict(response_200_item_data)

            response_200.append(response_200_item)

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

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[InvalidInput | Problem | list[ApiKey]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: str,
    account: int,
    *,
    client: AuthenticatedClient,
) -> Response[InvalidInput | Problem | list[ApiKey]]:
    """List the API keys of a service account

    Args:
        id (str):
        account (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | Problem | list[ApiKey]]
    """

    kwargs = _get_kwargs(
        id=id,
        account=account,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: str,
    account: int,
    *,
    client: AuthenticatedClient,
) -> InvalidInput | Problem | list[ApiKey] | None:
    """List the API keys of a service account

    Args:
        id (str):
        account (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | Problem | list[ApiKey]
    """

    return sync_detailed(
        id=id,
        account=account,
        client=client,
    ).parsed


async def asyncio_detailed(
    id: str,
    account: int,
    *,
    client: AuthenticatedClient,
) -> Response[InvalidInput | Problem | list[ApiKey]]:
    """List the API keys of a service account

    Args:
        id (str):
        account (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[InvalidInput | Problem | list[ApiKey]]
    """

    kwargs = _get_kwargs(
        id=id,
        account=account,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: str,
    account: int,
    *,
    client: AuthenticatedClient,
) -> InvalidInput | Problem | list[ApiKey] | None:
    """List the API keys of a service account

    Args:
        id (str):
        account (int):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        InvalidInput | Problem | list[ApiKey]
    """

    return (
        await asyncio_detailed(
            id=id,
            account=account,
            client=client,
        )
    ).parsed
