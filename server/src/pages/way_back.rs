//! Where to go after a login: a path of this origin, or the account's page.

use axum::response::{IntoResponse, Redirect, Response};

use super::Done;
use crate::{app::App, paths};

/// The maximum length of a path in bytes.
const LONGEST: usize = 1024;

/// A path of this origin that is safe in `Location` and in a form's hidden field.
///
/// The parameter `next` is untrusted: a link from another site may carry any text in it, and browsers take `//host`,
/// `/\host` and `/<tab>/host` for another host (CVE-2024-56734, CVE-2025-27143). So it must look like a path in
/// every respect; anything else is replaced by the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WayBack(String);

impl WayBack {
    /// The requested path, or the account's page.
    pub(crate) fn of(app: &App, next: Option<&str>) -> Self {
        match next.filter(|next| is_own_path(next)) {
            Some(next) => Self(next.to_owned()),
            None => Self(format!("{}{}", app.public_url().path(), paths::ACCOUNT)),
        }
    }

    /// The account's page, with a welcome message.
    pub(crate) fn welcome(app: &App) -> Self {
        Self(format!("{}{}?done={}", app.public_url().path(), paths::ACCOUNT, Done::Welcome.word()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the account's page, the default.
    pub(crate) fn is_default(&self, app: &App) -> bool {
        *self == Self::of(app, None)
    }

    /// Redirects to it by GET.
    pub(crate) fn go(&self) -> Response {
        Redirect::to(&self.0).into_response()
    }
}

/// `/`, followed by nothing that a browser takes for a host, a scheme or another line.
pub(super) fn is_own_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    let path = text.split(['?', '#']).next().unwrap_or_default();
    text.len() <= LONGEST
        && text.starts_with('/')
        && text.bytes().all(is_plain)
        && !path.contains("//")
        && !path.contains(['@', ':'])
        // What a proxy or a browser may decode to one of the above.
        && !["%2f", "%5c", "%09", "%0a", "%0d", "%00"].iter().any(|hidden| path.to_ascii_lowercase().contains(hidden))
}

#[cfg(test)]
mod tests {
    use super::is_own_path;

    #[test]
    fn c05_only_a_path_of_this_origin_is_a_way_back() {
        for own in [
            "/",
            "/account",
            "/shop/cart?item=7&colour=a%20b",
            "/a/b#part",
            "/x?next=https://elsewhere.example",
        ] {
            assert!(is_own_path(own), "{own}");
        }
        for foreign in [
            "",
            "account",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /account",
            "https:evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/%09/evil.example",
            "/%2f/evil.example",
            "/%2Fevil.example",
            "/%5cevil.example",
            "/@evil.example",
            "/a//evil.example",
            "/..//evil.example",
            "/\u{ff0f}evil.example",
            "/a\r\nSet-Cookie: a=b",
            "/\0",
            "/<script>",
            "/\"onclick=",
            "//\\/evil.example",
            "@evil.example",
            "?next",
            "#",
            "/.:80/",
        ] {
            assert!(!is_own_path(foreign), "{foreign:?}");
        }
        assert!(!is_own_path(&format!("/{}", "a".repeat(1024))));
    }
}
