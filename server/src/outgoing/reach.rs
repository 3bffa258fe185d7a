//! Limits which addresses a request may connect to.

use std::{net::IpAddr, sync::Arc};

use portcullis_outgoing::{Judge, Place};

pub(super) const NOT_SECURE: &str =
    "is not https; http is for this computer and private networks, where the settings allow them";
const NOT_PUBLIC: &str = "leads to this computer or a private network; `webhook_private_targets=on` allows that for \
    webhooks, and \
     `private_network=on` for a login provider";
const NOWHERE: &str =
    "leads to an address that is never called: link-local (such as cloud metadata), multicast or reserved";

/// Which addresses requests may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The public internet only, with TLS.
    Public,
    /// Also this computer and private networks, where plain HTTP is allowed.
    Private,
}

impl Reach {
    /// As a setting says.
    pub(crate) fn private_if(is_private: bool) -> Self {
        if is_private { Self::Private } else { Self::Public }
    }

    /// Whether a connection may be made to `address`.
    ///
    /// # Errors
    /// A sentence that continues "the target" or "the URL".
    pub(super) fn check(self, address: IpAddr, is_secure: bool) -> Result<(), &'static str> {
        match (Place::of(address), self) {
            (Place::Nowhere, _) => Err(NOWHERE),
            (Place::Private, Self::Public) => Err(NOT_PUBLIC),
            (Place::Public, _) if !is_secure => Err(NOT_SECURE),
            _ => Ok(()),
        }
    }

    pub(super) fn judge(self) -> Judge {
        Arc::new(move |to| self.check(to.address, to.is_secure).map_err(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g09_plain_http_stays_at_home() {
        let [public, home, metadata] =
            ["1.1.1.1", "10.0.0.1", "169.254.169.254"].map(|ip| ip.parse::<IpAddr>().unwrap());
        for (reach, address, is_secure, allowed) in [
            (Reach::Public, public, true, true),
            (Reach::Public, public, false, false),
            (Reach::Public, home, true, false),
            (Reach::Public, home, false, false),
            (Reach::Private, public, true, true),
            (Reach::Private, public, false, false),
            (Reach::Private, home, true, true),
            (Reach::Private, home, false, true),
            (Reach::Private, metadata, true, false),
            (Reach::Private, metadata, false, false),
        ] {
            assert_eq!(reach.check(address, is_secure).is_ok(), allowed, "{reach:?} {address} {is_secure}");
        }
    }
}
