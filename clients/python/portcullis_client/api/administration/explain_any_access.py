from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.explained_access import ExplainedAccess
from ...models.invalid_input import InvalidInput
from ...models.problem import Problem
from ...types import UNSET, Response


def _get_kwargs(
    id: int,
    *,
    object_: str,
    permission: str,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["object"] = object_

    params["permission"] = permission

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/admin/accounts/{id}/access".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ExplainedAccess | InvalidInput | Problem | None:
    if response.status_code == 200:
        response_200 = ExplainedAccess.from_dict(response.json())

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
) -> Response[ExplainedAccess | InvalidInput | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: int,
    *,
    client: AuthenticatedClient,
    object_: str,
    permission: str,
) -> Response[ExplainedAccess | InvalidInput | Problem]:
    """Explain an account's access to a row of the application

    Args:
        id (int):
        object_ (str):
        permission (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExplainedAccess | InvalidInput | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        object_=object_,
        permission=permission,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: int,
    *,
    client: AuthenticatedClient,
    object_: str,
    permission: str,
) -> ExplainedAccess | InvalidInput | Problem | None:
    """Explain an account's access to a row of the application

    Args:
        id (int):
        object_ (str):
        permission (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExplainedAccess | InvalidInput | Problem
    """

    return sync_detailed(
        id=id,
        client=client,
        object_=object_,
        permission=permission,
    ).parsed


async def asyncio_detailed(
    id: int,
    *,
    client: AuthenticatedClient,
    object_: str,
    permission: str,
) -> Response[ExplainedAccess | InvalidInput | Problem]:
    """Explain an account's access to a row of the application

    Args:
        id (int):
        object_ (str):
        permission (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ExplainedAccess | InvalidInput | Problem]
    """

    kwargs = _get_kwargs(
        id=id,
        object_=object_,
        permission=permission,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: int,
    *,
    client: AuthenticatedClient,
    object_: str,
    permission: str,
) -> ExplainedAccess | InvalidInput | Problem | None:
    """Explain an account's access to a row of the application

    Args:
        id (int):
        object_ (str):
        permission (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ExplainedAccess | InvalidInput | Problem
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            object_=object_,
            permission=permission,
        )
    ).parsed
