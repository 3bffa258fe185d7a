//! Chooses the language for a reader.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header::ACCEPT_LANGUAGE, request::Parts};
use portcullis::describe::{Describe, Operation};

use super::Language;
use crate::clock::Timestamp;

const MONTHS: [&str; 12] = [
    "page.month.january",
    "page.month.february",
    "page.month.march",
    "page.month.april",
    "page.month.may",
    "page.month.june",
    "page.month.july",
    "page.month.august",
    "page.month.september",
    "page.month.october",
    "page.month.november",
    "page.month.december",
];

impl Language {
    /// The language of a tag, if supported: `de-AT` is German.
    pub(crate) fn of_known_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        Self::ALL.iter().copied().find(|known| known.tag().eq_ignore_ascii_case(primary))
    }

    /// A day in UTC, as in `24 November 2026`.
    pub(crate) fn day(self, moment: Timestamp) -> String {
        let text = moment.to_rfc3339();
        let mut parts = text.split(['-', 'T']);
        let (year, month, day) = (parts.next(), parts.next(), parts.next());
        let month = month.and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
        let month = MONTHS.get(month - 1).map_or("", |key| self.text(key));
        let day = day.unwrap_or_default().trim_start_matches('0');
        self.fill("page.month.day", &[("day", day), ("month", month), ("year", year.unwrap_or_default())])
    }

    /// The request's preferred supported language, if it prefers one.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        Self::preferred(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?)
    }

    /// The language that `Accept-Language` prefers (RFC 9110 §12.5.4); the first of equals.
    fn preferred(accept: &str) -> Option<Self> {
        let mut best = None;
        for range in accept.split(',').take(20) {
            let (code, weight) = range.split_once(';').unwrap_or((range, ""));
            let Some(language) = Self::of_known_tag(code.trim()) else { continue };
            let weight = match weight.trim().strip_prefix("q=") {
                Some(weight) => weight.parse().unwrap_or(0.0_f32),
                None => 1.0,
            };
            if weight > 0.0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// The language of the request's `Accept-Language`; English if none is supported.
impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_headers(&parts.headers).unwrap_or(Self::En))
    }
}

/// Any request may state its language.
impl Describe for Language {
    fn describe(_: &mut Operation<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        for (accept, expected) in [
            ("de", Some("de")),
            ("de-AT,de;q=0.9,en;q=0.8", Some("de")),
            ("fr, en;q=0.5, de;q=0.7", Some("de")),
            ("en-GB, de", Some("en")),
            ("de;q=0, en;q=0.1", Some("en")),
            ("de;q=zero, en;q=0.1", Some("en")),
            ("fr", None),
            ("*", None),
            ("", None),
            (";;,,=", None),
        ] {
            assert_eq!(Language::preferred(accept).map(Language::tag), expected, "{accept}");
        }
    }
}
