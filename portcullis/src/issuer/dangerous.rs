//! Relaxations for issuers whose answers say less than they should.

use super::IntrospectionBuilder;
use crate::tokens::Dangerous;

impl Dangerous<IntrospectionBuilder> {
    /// Accepts active tokens where the answer has no `aud`, which RFC 7662 §2.2 leaves to the issuer. What an answer that
    /// has one says still holds: it must name the [`audience`](IntrospectionBuilder::audience).
    ///
    /// Opens: a token for any other API of this issuer is good at yours, unless the issuer itself calls a token
    /// inactive to whom it is not for (RFC 7662 §2.2 lets it; ask whether yours does).
    pub fn accept_absent_audience(mut self) -> IntrospectionBuilder {
        self.0.audience = self.0.audience.or_absent();
        self.0
    }

    /// Accepts active tokens whatever the `aud` of the answer, or without one; not with one of a wrong type. Where
    /// answers merely lack it, [`accept_absent_audience`](Self::accept_absent_audience) is enough.
    ///
    /// Opens: a token for any other API of this issuer is good at yours, unless the issuer itself calls a token
    /// inactive to whom it is not for (RFC 7662 §2.2 lets it; ask whether yours does).
    pub fn without_audience(mut self) -> IntrospectionBuilder {
        self.0.audience = self.0.audience.or_any();
        self.0
    }

    /// Accepts tokens that are bound to a key (`cnf`, or a `token_type` of `DPoP`: RFC 9449 §6.2, RFC 8705 §3.2),
    /// without a proof that the caller has it.
    ///
    /// Opens: a token that was stolen is good at yours, which the binding was to prevent. Say it where something before
    /// your application checks the proof, or while clients change over.
    pub fn accept_sender_constrained_as_bearer(mut self) -> IntrospectionBuilder {
        self.0.accepts_sender_constrained = true;
        self.0
    }
}
