//! Asking an issuer over the network: where its keys are, and what it says of an opaque token.
//!
//! [`AccessTokens::discover`](crate::AccessTokens::discover) and [`Introspection`] begin here.

mod dangerous;
mod discover;
mod health;
mod introspect;
mod introspected;
mod jwks;
mod metadata;
mod outgoing;

pub(crate) use self::jwks::Published;
pub use self::{
    discover::DiscoveredKeys,
    health::KeysHealth,
    introspect::{Introspection, IntrospectionBuilder},
    introspected::IntrospectedToken,
    outgoing::{IssuerError, Outgoing},
};
