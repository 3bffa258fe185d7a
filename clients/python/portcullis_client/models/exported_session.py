from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedSession")


@_attrs_define
class ExportedSession:
    """A session, for its owner's export.

    Attributes:
        address (None | str):
        created_at (datetime.datetime):
        ended_at (datetime.datetime | None): When it was ended; `null` if it was not.
        expires_at (datetime.datetime):
        id (str):
        last_seen_at (datetime.datetime):
        scope (str): The scopes of its tokens.
        user_agent (None | str):
    """

    address: None | str
    created_at: datetime.datetime
    ended_at: datetime.datetime | None
    expires_at: datetime.datetime
    id: str
    last_seen_at: datetime.datetime
    scope: str
    user_agent: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        address: None | str
        address = self.address

        created_at = self.created_at.isoformat()

        ended_at: None | str
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        expires_at = self.expires_at.isoformat()

        id = self.id

        last_seen_at = self.last_seen_at.isoformat()

        scope = self.scope

        user_agent: None | str
        user_agent = self.user_agent

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "address": address,
                "created_at": created_at,
                "ended_at": ended_at,
                "expires_at": expires_at,
                "id": id,
                "last_seen_at": last_seen_at,
                "scope": scope,
                "user_agent": user_agent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_address(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        address = _parse_address(d.pop("address"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        id = d.pop("id")

        last_seen_at = datetime.datetime.fromisoformat(d.pop("last_seen_at"))

        scope = d.pop("scope")

        def _parse_user_agent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        user_agent = _parse_user_agent(d.pop("user_agent"))

        exported_session = cls(
            address=address,
            created_at=created_at,
            ended_at=ended_at,
            expires_at=expires_at,
            id=id,
            last_seen_at=last_seen_at,
            scope=scope,
            user_agent=user_agent,
        )

        exported_session.additional_properties = d
        return exported_session

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
