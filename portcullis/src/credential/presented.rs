//! What a request presents, and where. Nobody outside can name it, so that nothing public reads a credential without
//! verifying it.

use crate::guard::authenticate::sealed::Presence;

/// Where a credential is looked for. Two of one place are one kind, whatever their types.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The `Authorization` header, which has room for one, of this scheme.
    Authorization(&'static str),
    /// The cookie of this name. A browser adds it to requests on its own, so that a page of another site could use it:
    /// such a credential is [`Presented::CrossSite`] if the request may be that page's.
    Cookie(&'static str),
    /// The header of this name.
    Header(&'static str),
    /// The query's parameter of this name, which is no input of the handler's then.
    Query(&'static str),
}

impl Place {
    pub(crate) const fn is_cookie(self) -> bool {
        matches!(self, Self::Cookie(_))
    }
}

impl Eq for Place {}

impl PartialEq for Place {
    /// The case of schemes and of headers' names does not matter (RFC 9110 §11.1, §5.1).
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Authorization(this), Self::Authorization(that))
            | (Self::Header(this), Self::Header(that)) => this.eq_ignore_ascii_case(that),
            (Self::Cookie(this), Self::Cookie(that)) | (Self::Query(this), Self::Query(that)) => this == that,
            _ => false,
        }
    }
}

/// What a request presents of one kind of credential.
#[derive(Debug, PartialEq)]
pub enum Presented<C> {
    /// Nothing at all.
    Absent,
    /// An `Authorization` of another scheme: no credential of this kind, yet not anonymous either.
    OtherScheme,
    /// Of this kind, and unreadable.
    Malformed,
    /// Two at once: it is not for us to choose (RFC 6750 §3.1, `invalid_request`).
    Ambiguous,
    /// A cookie that the browser added to a request that a page of another site may have made.
    CrossSite,
    /// The server is set up so that it cannot be verified: what is wrong, for the log.
    Fault(&'static str),
    /// A credential, not verified yet.
    Present(C),
}

impl<C> Presented<C> {
    /// Reads on in what is present; `None` is malformed.
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

    /// What was read from `place`, in a word.
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
