from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LinkLogIn")


@_attrs_define
class LinkLogIn:
    """An emailed login link.

    Attributes:
        token (str): The token at the end of the link.
        scope (str | Unset): As at `/login`. Default: ''.
    """

    token: str
    scope: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "token": token,
            }
        )
        if scope is not UNSET:
            field_dict["scope"] = scope

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        token = d.pop("token")

        scope = d.pop("scope", UNSET)

        link_log_in = cls(
            token=token,
            scope=scope,
        )

        return link_log_in
