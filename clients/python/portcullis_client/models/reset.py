from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="Reset")


@_attrs_define
class Reset:
    """An emailed link, and the password that it sets.

    Attributes:
        password (str): At least 12 characters, or more if the operator says so, and not easy to guess.
        token (str): The token at the end of the link.
    """

    password: str
    token: str

    def to_dict(self) -> dict[str, Any]:
        password = self.password

        token = self.token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "password": password,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        password = d.pop("password")

        token = d.pop("token")

        reset = cls(
            password=password,
            token=token,
        )

        return reset
