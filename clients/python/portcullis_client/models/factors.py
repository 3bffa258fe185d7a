from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.totp import Totp


T = TypeVar("T", bound="Factors")


@_attrs_define
class Factors:
    """The second factor of an account.

    Attributes:
        recovery_codes_left (int): Recovery codes that are not used yet.
        required (bool): Whether the operator requires a second factor of this account.
        totp (None | Totp): The authenticator app; `null` if there is none.
    """

    recovery_codes_left: int
    required: bool
    totp: None | Totp
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.totp import Totp

        recovery_codes_left = self.recovery_codes_left

        required = self.required

        totp: dict[str, Any] | None
        if isinstance(self.totp, Totp):
            totp = self.totp.to_dict()
        else:
            totp = self.totp

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "recovery_codes_left": recovery_codes_left,
                "required": required,
                "totp": totp,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.totp import Totp

        d = dict(src_dict)
        recovery_codes_left = d.pop("recovery_codes_left")

        required = d.pop("required")

        def _parse_totp(data: object) -> None | Totp:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                totp_type_0 = Totp.from_dict(data)

                return totp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Totp, data)

        totp = _parse_totp(d.pop("totp"))

        factors = cls(
            recovery_codes_left=recovery_codes_left,
            required=required,
            totp=totp,
        )

        factors.additional_properties = d
        return factors

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
