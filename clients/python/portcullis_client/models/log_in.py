from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LogIn")


@_attrs_define
class LogIn:
    """The password form. Generic OAuth clients also send `client_id` and `client_secret`, which must be empty.

    Attributes:
        password (str): The password.
        username (str): The email address.
        client_id (str | Unset): Must be empty: this route does not accept a client. Default: ''.
        client_secret (str | Unset): Must be empty: this route does not accept a client. Default: ''.
        grant_type (str | Unset): `password`, if present. Default: 'password'.
        scope (str | Unset): Scopes, separated by spaces. The default covers your own profile and account, and every
            scope that the
            application declares. `offline_access` requests a refresh token. Default: 'profile:read profile:write account'.
    """

    password: str
    username: str
    client_id: str | Unset = ""
    client_secret: str | Unset = ""
    grant_type: str | Unset = "password"
    scope: str | Unset = "profile:read profile:write account"

    def to_dict(self) -> dict[str, Any]:
        password = self.password

        username = self.username

        client_id = self.client_id

        client_secret = self.client_secret

        grant_type = self.grant_type

        scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "password": password,
                "username": username,
            }
        )
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if client_secret is not UNSET:
            field_dict["client_secret"] = client_secret
        if grant_type is not UNSET:
            field_dict["grant_type"] = grant_type
        if scope is not UNSET:
            field_dict["scope"] = scope

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        password = d.pop("password")

        username = d.pop("username")

        client_id = d.pop("client_id", UNSET)

        client_secret = d.pop("client_secret", UNSET)

        grant_type = d.pop("grant_type", UNSET)

        scope = d.pop("scope", UNSET)

        log_in = cls(
            password=password,
            username=username,
            client_id=client_id,
            client_secret=client_secret,
            grant_type=grant_type,
            scope=scope,
        )

        return log_in
