from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExplainedAccess")


@_attrs_define
class ExplainedAccess:
    """Why an account has access to a row of the application, or what would give it access.

    Attributes:
        blocked_by (list[str]): The grants of the role `blocked` that take it away.
        is_allowed (bool):
        reasons (list[str]): Everything that allows it, with the grant, who gave it and when.
        would_be_allowed_by (list[str]): If it is not allowed, each thing that would allow it.
    """

    blocked_by: list[str]
    is_allowed: bool
    reasons: list[str]
    would_be_allowed_by: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        blocked_by = self.blocked_by

        is_allowed = self.is_allowed

        reasons = self.reasons

        would_be_allowed_by = self.would_be_allowed_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "blocked_by": blocked_by,
                "is_allowed": is_allowed,
                "reasons": reasons,
                "would_be_allowed_by": would_be_allowed_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        blocked_by = cast(list[str], d.pop("blocked_by"))

        is_allowed = d.pop("is_allowed")

        reasons = cast(list[str], d.pop("reasons"))

        would_be_allowed_by = cast(list[str], d.pop("would_be_allowed_by"))

        explained_access = cls(
            blocked_by=blocked_by,
            is_allowed=is_allowed,
            reasons=reasons,
            would_be_allowed_by=would_be_allowed_by,
        )

        explained_access.additional_properties = d
        return explained_access

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
