from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CodeLogIn")


@_attrs_define
class CodeLogIn:
    """An emailed login code.

    Attributes:
        code (str): The code. Spaces, hyphens and case do not matter.
        email (str): The address that the code was sent to.
        scope (str | Unset): As at `/login`. Default: ''.
    """

    code: str
    email: str
    scope: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        email = self.email

        scope = self.scope

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
                "email": email,
            }
        )
        if scope is not UNSET:
            field_dict["scope"] = scope

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        code = d.pop("code")

        email = d.pop("email")

        scope = d.pop("scope", UNSET)

        code_log_in = cls(
            code=code,
            email=email,
            scope=scope,
        )

        return code_log_in
