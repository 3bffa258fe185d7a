//! Relaxations for issuers whose responses say less than they should.

use super::IntrospectionBuilder;
use crate::tokens::Dangerous;

impl Dangerous<IntrospectionBuilder> {
    /// Accepts active tokens if the response has no `aud`, which RFC 7662 §2.2 leaves to the issuer. If the response
    /// has one, it must still name the [`audience`](IntrospectionBuilder::audience).
    ///
    /// Opens: a token for any other API of this issuer is valid for yours, unless the issuer itself reports tokens as
    /// inactive to APIs that they are not for (RFC 7662 §2.2 allows it; check whether yours does).
    pub fn accept_absent_audience(mut self) -> IntrospectionBuilder {
        self.0.audience = self.0.audience.or_absent();
        self.0
    }

    /// Accepts active tokens with any `aud` in the response, or without one; not with one of a wrong type. If responses
    /// merely lack it, [`accept_absent_audience`](Self::accept_absent_audience) is enough.
    ///
    /// Opens: a token for any other API of this issuer is valid for yours, unless the issuer itself reports tokens as
    /// inactive to APIs that they are not for (RFC 7662 §2.2 allows it; check whether yours does).
    pub fn without_audience(mut self) -> IntrospectionBuilder {
        self.0.audience = self.0.audience.or_any();
        self.0
    }

    /// Accepts tokens that are bound to a key (`cnf`, or a `token_type` of `DPoP`: RFC 9449 §6.2, RFC 8705 §3.2)
    /// without proof that the caller has the key.
    ///
    /// Opens: a stolen token is valid, which the binding was meant to prevent. Use it if something in front of your
    /// application checks the proof, or while clients migrate.
    pub fn accept_sender_constrained_as_bearer(mut self) -> IntrospectionBuilder {
        self.0.accepts_sender_constrained = true;
        self.0
    }
}
