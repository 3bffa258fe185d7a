from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.api_key import ApiKey
    from ..models.session import Session


T = TypeVar("T", bound="ManagedAccountWithSessions")


@_attrs_define
class ManagedAccountWithSessions:
    """An account with its sessions.

    Attributes:
        api_keys (list[ApiKey]): Its API keys, newest first.
        created_at (datetime.datetime): When it was created.
        deletion_due_at (datetime.datetime | None): When it will be deleted, if its owner requested that; `null`
            otherwise.
        email (str): The email address in canonical form.
        email_verified_at (datetime.datetime | None): When its owner confirmed the email address; `null` if they have
            not.
        full_name (str): The person's name.
        id (int): An account's ID. It is never reused, not even after the account is deleted.
        is_active (bool): Whether the account may be used.
        last_login_at (datetime.datetime | None): When its owner last logged in; `null` if they never did.
        role (str): A `user` manages only their own account. An `admin` also manages all accounts and reads the audit
            log. Other names are roles that the operator declared.
        sessions (list[Session]): Its active sessions, most recently used first; at most 100.
    """

    api_keys: list[ApiKey]
    created_at: datetime.datetime
    deletion_due_at: datetime.datetime | None
    email: str
    email_verified_at: datetime.datetime | None
    full_name: str
    id: int
    is_active: bool
    last_login_at: datetime.datetime | None
    role: str
    sessions: list[Session]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        api_keys = []
        for api_keys_item_data in self.api_keys:
            api_keys_item = api_keys_item_data.to_dict()
            api_keys.append(api_keys_item)

        created_at = self.created_at.isoformat()

        deletion_due_at: None | str
        if isinstance(self.deletion_due_at, datetime.datetime):
            deletion_due_at = self.deletion_due_at.isoformat()
        else:
            deletion_due_at = self.deletion_due_at

        email = self.email

        email_verified_at: None | str
        if isinstance(self.email_verified_at, datetime.datetime):
            email_verified_at = self.email_verified_at.isoformat()
        else:
            email_verified_at = self.email_verified_at

        full_name = self.full_name

        id = self.id

        is_active = self.is_active

        last_login_at: None | str
        if isinstance(self.last_login_at, datetime.datetime):
            last_login_at = self.last_login_at.isoformat()
        else:
            last_login_at = self.last_login_at

        role = self.role

        sessions = []
        for sessions_item_data in self.sessions:
            sessions_item = sessions_item_data.to_dict()
            sessions.append(sessions_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "api_keys": api_keys,
                "created_at": created_at,
                "deletion_due_at": deletion_due_at,
                "email": email,
                "email_verified_at": email_verified_at,
                "full_name": full_name,
                "id": id,
                "is_active": is_active,
                "last_login_at": last_login_at,
                "role": role,
                "sessions": sessions,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.api_key import ApiKey
        from ..models.session import Session

        d = dict(src_dict)
        api_keys = []
        _api_keys = d.pop("api_keys")
        for api_keys_item_data in _api_keys:
            api_keys_item = ApiKey.from_dict(api_keys_item_data)

            api_keys.append(api_keys_item)

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_deletion_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                deletion_due_at_type_0 = datetime.datetime.fromisoformat(data)

                return deletion_due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        deletion_due_at = _parse_deletion_due_at(d.pop("deletion_due_at"))

        email = d.pop("email")

        def _parse_email_verified_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                email_verified_at_type_0 = datetime.datetime.fromisoformat(data)

                return email_verified_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        email_verified_at = _parse_email_verified_at(d.pop("email_verified_at"))

        full_name = d.pop("full_name")

        id = d.pop("id")

        is_active = d.pop("is_active")

        def _parse_last_login_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_login_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_login_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_login_at = _parse_last_login_at(d.pop("last_login_at"))

        role = d.pop("role")

        sessions = []
        _sessions = d.pop("sessions")
        for sessions_item_data in _sessions:
            sessions_item = Session.from_dict(sessions_item_data)

            sessions.append(sessions_item)

        managed_account_with_sessions = cls(
            api_keys=api_keys,
            created_at=created_at,
            deletion_due_at=deletion_due_at,
            email=email,
            email_verified_at=email_verified_at,
            full_name=full_name,
            id=id,
            is_active=is_active,
            last_login_at=last_login_at,
            role=role,
            sessions=sessions,
        )

        managed_account_with_sessions.additional_properties = d
        return managed_account_with_sessions

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
