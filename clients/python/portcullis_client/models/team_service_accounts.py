from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.service_account import ServiceAccount


T = TypeVar("T", bound="TeamServiceAccounts")


@_attrs_define
class TeamServiceAccounts:
    """A team's service accounts.

    Attributes:
        service_accounts (list[ServiceAccount]):
    """

    service_accounts: list[ServiceAccount]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        service_accounts = []
        for service_accounts_item_data in self.service_accounts:
            service_accounts_item = service_accounts_item_data.to_dict()
            service_accounts.append(service_accounts_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "service_accounts": service_accounts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.service_account import ServiceAccount

        d = dict(src_dict)
        service_accounts = []
        _service_accounts = d.pop("service_accounts")
        for service_accounts_item_data in _service_accounts:
            service_accounts_item = ServiceAccount.from_dict(service_accounts_item_data)

            service_accounts.append(service_accounts_item)

        team_service_accounts = cls(
            service_accounts=service_accounts,
        )

        team_service_accounts.additional_properties = d
        return team_service_accounts

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
