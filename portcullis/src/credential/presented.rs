//! What a request presents, and where. It cannot be named outside this crate, so that nothing public reads a credential
//! without verifying it.

use crate::guard::authenticate::sealed::Presence;

/// Where a credential is looked for. Two credentials in one place are of one kind, whatever their types.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The `Authorization` header, which holds one credential, of this scheme.
    Authorization(&'static str),
    /// The cookie of this name. A browser adds it on its own, so a page of another site could use it. If the request
    /// may come from such a page, the credential is [`Presented::CrossSite`].
    Cookie(&'static str),
    /// The header of this name.
    Header(&'static str),
    /// The query parameter of this name, which is then not input of the handler.
    Query(&'static str),
    /// The TLS handshake of the connection.
    Connection,
}

impl Place {
    pub(crate) const fn is_cookie(self) -> bool {
        matches!(self, Self::Cookie(_))
    }

    /// Whether a browser adds the credential on its own, so that a page of another site could use it.
    pub(crate) const fn is_added_by_browsers(self) -> bool {
        matches!(self, Self::Cookie(_) | Self::Connection)
    }
}

impl Eq for Place {}

impl PartialEq for Place {
    /// The case of schemes and header names does not matter (RFC 9110 §11.1, §5.1).
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Authorization(this), Self::Authorization(that))
            | (Self::Header(this), Self::Header(that)) => this.eq_ignore_ascii_case(that),
            (Self::Cookie(this), Self::Cookie(that)) | (Self::Query(this), Self::Query(that)) => this == that,
            (Self::Connection, Self::Connection) => true,
            _ => false,
        }
    }
}

/// What a request presents of one kind of credential.
#[derive(Debug, PartialEq)]
pub enum Presented<C> {
    /// Nothing at all.
    Absent,
    /// An `Authorization` of another scheme: not a credential of this kind, but not anonymous either.
    OtherScheme,
    /// Of this kind, but unreadable.
    Malformed,
    /// Two at once. We must not choose one (RFC 6750 §3.1, `invalid_request`).
    Ambiguous,
    /// A cookie that the browser added to a request that a page of another site may have made.
    CrossSite,
    /// It cannot be verified, because the server is set up wrongly. Holds what is wrong, for the log.
    Fault(&'static str),
    /// A credential, not verified yet.
    Present(C),
}

impl<C> Presented<C> {
    /// Parses what is present further; `None` means malformed.
    pub(super) fn and_then<D>(self, read: impl FnOnce(C) -> Option<D>) -> Presented<D> {
        match self {
            Self::Present(credential) => read(credential).map_or(Presented::Malformed, Presented::Present),
            Self::Absent => Presented::Absent,
            Self::OtherScheme => Presented::OtherScheme,
            Self::Malformed => Presented::Malformed,
            Self::Ambiguous => Presented::Ambiguous,
            Self::CrossSite => Presented::CrossSite,
            Self::Fault(fault) => Presented::Fault(fault),
        }
    }

    /// Summarizes what was read from `place`.
    pub(crate) fn presence(&self, place: Place) -> Presence {
        match self {
            Self::Absent => Presence::Absent,
            Self::OtherScheme => Presence::OtherScheme,
            Self::Malformed | Self::Ambiguous | Self::CrossSite | Self::Fault(_) | Self::Present(_) => {
                Presence::One(place)
            }
        }
    }
}
