from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ExportedAccount")


@_attrs_define
class ExportedAccount:
    """What is stored about an account, for its owner's export.

    Attributes:
        created_at (datetime.datetime):
        deletion_due_at (datetime.datetime | None): When the account will be deleted, if its owner requested that.
        email (str): The email address in canonical form.
        email_verified_at (datetime.datetime | None): When the email address was confirmed; `null` if it was not.
        full_name (str): The person's name.
        id (int): An account's ID. It is never reused, not even after the account is deleted.
        is_active (bool): Whether the account may be used.
        language (str): The language of emails.
        last_login_at (datetime.datetime | None): When somebody last logged in; `null` if nobody has.
        password_changed_at (datetime.datetime | None): When the password was last set; `null` if that is not known or
            there is none.
        role (str): A `user` manages only their own account. An `admin` also manages all accounts and reads the audit
            log. Other names are roles that the operator declared.
        updated_at (datetime.datetime):
    """

    created_at: datetime.datetime
    deletion_due_at: datetime.datetime | None
    email: str
    email_verified_at: datetime.datetime | None
    full_name: str
    id: int
    is_active: bool
    language: str
    last_login_at: datetime.datetime | None
    password_changed_at: datetime.datetime | None
    role: str
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
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

        language = self.language

        last_login_at: None | str
        if isinstance(self.last_login_at, datetime.datetime):
            last_login_at = self.last_login_at.isoformat()
        else:
            last_login_at = self.last_login_at

        password_changed_at: None | str
        if isinstance(self.password_changed_at, datetime.datetime):
            password_changed_at = self.password_changed_at.isoformat()
        else:
            password_changed_at = self.password_changed_at

        role = self.role

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created_at": created_at,
                "deletion_due_at": deletion_due_at,
                "email": email,
                "email_verified_at": email_verified_at,
                "full_name": full_name,
                "id": id,
                "is_active": is_active,
                "language": language,
                "last_login_at": last_login_at,
                "password_changed_at": password_changed_at,
                "role": role,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
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

        language = d.pop("language")

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

        def _parse_password_changed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                password_changed_at_type_0 = datetime.datetime.fromisoformat(data)

                return password_changed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        password_changed_at = _parse_password_changed_at(d.pop("password_changed_at"))

        role = d.pop("role")

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        exported_account = cls(
            created_at=created_at,
            deletion_due_at=deletion_due_at,
            email=email,
            email_verified_at=email_verified_at,
            full_name=full_name,
            id=id,
            is_active=is_active,
            language=language,
            last_login_at=last_login_at,
            password_changed_at=password_changed_at,
            role=role,
            updated_at=updated_at,
        )

        exported_account.additional_properties = d
        return exported_account

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
