from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="NewApiKey")


@_attrs_define
class NewApiKey:
    """A new API key.

    Attributes:
        created_at (datetime.datetime):
        expires_at (datetime.datetime):
        id (str): Its ID. It is not a secret.
        key (str): Send it as `X-API-Key` or as `Authorization: Bearer …`. It is shown only once.
        last_used_address (None | str): The IP address that it was last used from.
        last_used_at (datetime.datetime | None): When it was last used, to the minute; `null` if it was not.
        name (str): Its name, as its owner chose it.
        prefix (str): The beginning of the key.
        replaced_by (None | str): The ID of the key that replaces it; `null` if there is none.
        requests_per_minute (int | None): The maximum number of requests per minute; `null` if there is no limit.
        scope (str): Its scopes, separated by spaces. A key can never do more than its account.
    """

    created_at: datetime.datetime
    expires_at: datetime.datetime
    id: str
    key: str
    last_used_address: None | str
    last_used_at: datetime.datetime | None
    name: str
    prefix: str
    replaced_by: None | str
    requests_per_minute: int | None
    scope: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        id = self.id

        key = self.key

        last_used_address: None | str
        last_used_address = self.last_used_address

        last_used_at: None | str
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        name = self.name

        prefix = self.prefix

        replaced_by: None | str
        replaced_by = self.replaced_by

        requests_per_minute: int | None
        requests_per_minute = self.requests_per_minute

        scope = self.scope

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "expires_at": expires_at,
                "id": id,
                "key": key,
                "last_used_address": last_used_address,
                "last_used_at": last_used_at,
                "name": name,
                "prefix": prefix,
                "replaced_by": replaced_by,
                "requests_per_minute": requests_per_minute,
                "scope": scope,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = d.pop("id")

        key = d.pop("key")

        def _parse_last_used_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_used_address = _parse_last_used_address(d.pop("last_used_address"))

        def _parse_last_used_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_used_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        name = d.pop("name")

        prefix = d.pop("prefix")

        def _parse_replaced_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        replaced_by = _parse_replaced_by(d.pop("replaced_by"))

        def _parse_requests_per_minute(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        requests_per_minute = _parse_requests_per_minute(d.pop("requests_per_minute"))

        scope = d.pop("scope")

        new_api_key = cls(
            created_at=created_at,
            expires_at=expires_at,
            id=id,
            key=key,
            last_used_address=last_used_address,
            last_used_at=last_used_at,
            name=name,
            prefix=prefix,
            replaced_by=replaced_by,
            requests_per_minute=requests_per_minute,
            scope=scope,
        )

        new_api_key.additional_properties = d
        return new_api_key

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
