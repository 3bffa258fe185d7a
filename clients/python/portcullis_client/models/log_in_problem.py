from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="LogInProblem")


@_attrs_define
class LogInProblem:
    """The body of a rejected login.

    Attributes:
        detail (str): What is wrong, in one sentence.
        error (str): The code of RFC 6749 §5.2; `mfa_required` or `mfa_enrollment_required` if a second factor is
            required, and
            `expired_token` if that took too long.
        error_description (str): The same sentence, where OAuth clients look for it.
        mfa_methods (list[str] | Unset): With `mfa_required`, the second factors that the account can use. `app` is a
            code of the authenticator app or a
            recovery code, for `/login/factor`; `passkey` begins at `/login/factor/passkey/options`.
        mfa_token (None | str | Unset): With `mfa_required`, send it to `/login/factor` with a code, within 10 minutes.
            With `mfa_enrollment_required`,
            send it to `/login/factor/totp` first.
    """

    detail: str
    error: str
    error_description: str
    mfa_methods: list[str] | Unset = UNSET
    mfa_token: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        detail = self.detail

        error = self.error

        error_description = self.error_description

        mfa_methods: list[str] | Unset = UNSET
        if not isinstance(self.mfa_methods, Unset):
            mfa_methods = self.mfa_methods

        mfa_token: None | str | Unset
        if isinstance(self.mfa_token, Unset):
            mfa_token = UNSET
        else:
            mfa_token = self.mfa_token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "detail": detail,
                "error": error,
                "error_description": error_description,
            }
        )
        if mfa_methods is not UNSET:
            field_dict["mfa_methods"] = mfa_methods
        if mfa_token is not UNSET:
            field_dict["mfa_token"] = mfa_token

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        detail = d.pop("detail")

        error = d.pop("error")

        error_description = d.pop("error_description")

        mfa_methods = cast(list[str], d.pop("mfa_methods", UNSET))

        def _parse_mfa_token(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        mfa_token = _parse_mfa_token(d.pop("mfa_token", UNSET))

        log_in_problem = cls(
            detail=detail,
            error=error,
            error_description=error_description,
            mfa_methods=mfa_methods,
            mfa_token=mfa_token,
        )

        log_in_problem.additional_properties = d
        return log_in_problem

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
