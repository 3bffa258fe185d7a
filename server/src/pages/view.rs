//! What a page knows of the request that it answers.

use std::{convert::Infallible, fmt::Display};

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use url::form_urlencoded;

use super::{Refused, WayBack};
use crate::{
    access::{Fresh, Principal},
    app::App,
    clock::Timestamp,
    error::Error,
    messages::Language,
};

/// Remembers the language that was chosen, and nothing about who chose it.
const LANGUAGE_COOKIE: &str = "portcullis-language";
/// The parameter that chooses it.
const LANGUAGE: &str = "lang";
/// The parameter of a mailed link: it never stands in another link.
const TOKEN: &str = "token";

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

/// The page's surroundings: which language, and where links lead. Templates call it `v`.
#[derive(Debug, Clone)]
pub(crate) struct View {
    app: App,
    pub(crate) language: Language,
    /// The language was chosen just now.
    is_chosen: bool,
    /// Below the public address's path.
    path: String,
    query: Vec<(String, String)>,
    is_get: bool,
}

impl View {
    pub(super) fn of(app: &App, parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let chosen = query.iter().find(|(name, _)| name == LANGUAGE);
        let chosen = chosen.and_then(|(_, code)| Language::of_known_tag(code));
        let language =
            chosen.or_else(|| remembered(&parts.headers)).or_else(|| Language::of_headers(&parts.headers));
        Self {
            app: app.clone(),
            language: language.unwrap_or(Language::En),
            is_chosen: chosen.is_some(),
            path: parts.uri.path().to_owned(),
            query,
            is_get: parts.method == http::Method::GET || parts.method == http::Method::HEAD,
        }
    }

    /// A parameter of the query, if it stands there once.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut values =
            self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// Where to go afterwards: the parameter `next`.
    pub(crate) fn way_back(&self) -> WayBack {
        WayBack::of(&self.app, self.query("next"))
    }

    /// The answer with this page.
    #[expect(clippy::unused_self, reason = "every answer of a page comes from its view")]
    pub(crate) fn show(&self, status: StatusCode, page: &impl Template) -> Result<Response, Error> {
        let html =
            page.render().map_err(|cause| Error::Internal(format!("a page cannot be written: {cause}")))?;
        Ok((status, Html(html)).into_response())
    }

    /// To a page of ours, by GET (RFC 9110 §15.4.4).
    pub(crate) fn go(&self, path: &str) -> Response {
        Redirect::to(&self.to(path)).into_response()
    }

    /// The proof of a fresh log-in, or the way to one, which leads back to the page `back`.
    pub(crate) fn fresh(&self, principal: Principal, back: &str) -> Result<Fresh, Refused> {
        principal.fresh(self.app.now()).map_err(|_stale| {
            let back = form_urlencoded::byte_serialize(self.to(back).as_bytes()).collect::<String>();
            Refused::Elsewhere(Redirect::to(&self.to(&format!("/account/confirm?next={back}"))))
        })
    }

    /// The log-in, which leads back here if here is a page that can be asked for again.
    pub(super) fn log_in(&self) -> Response {
        if !self.is_get || self.query(TOKEN).is_some() {
            return self.go("/account/log-in");
        }
        let back = form_urlencoded::byte_serialize(self.here(None).as_bytes()).collect::<String>();
        self.go(&format!("/account/log-in?next={back}"))
    }

    /// This page's address, in another language if one is named.
    fn here(&self, language: Option<Language>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        // A form that failed is shown at the place that it was sent to.
        query.extend_pairs(self.query.iter().filter(|(name, _)| self.is_get && name != LANGUAGE));
        if let Some(language) = language {
            query.append_pair(LANGUAGE, language.tag());
        }
        let query = query.finish();
        let path = self.to(&self.path);
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// Cookies that the answer sets: the language, when it was chosen just now.
    pub(super) fn cookie(&self) -> Option<(HeaderName, HeaderValue)> {
        let secure = if self.app.public_url().is_https() { "; Secure" } else { "" };
        let path = Some(self.app.public_url().path()).filter(|path| !path.is_empty()).unwrap_or("/");
        let code = self.language.tag();
        let cookie = format!(
            "{LANGUAGE_COOKIE}={code}; Path={path}; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::try_from(cookie)
            .ok()
            .filter(|_| self.is_chosen)
            .map(|cookie| (header::SET_COOKIE, cookie))
    }
}

/// For templates.
impl View {
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.language.text(key)
    }

    /// With a value in the place of its `{name}`.
    pub(crate) fn t1(&self, key: &'static str, name: &str, value: impl Display) -> String {
        self.language.fill(key, &[(name, &value.to_string())])
    }

    /// With two.
    pub(crate) fn t2(&self, key: &'static str, first: (&str, &str), second: (&str, &str)) -> String {
        self.language.fill(key, &[first, second])
    }

    pub(crate) fn code(&self) -> &'static str {
        self.language.tag()
    }

    pub(crate) fn own_name(&self) -> &'static str {
        self.language.own_name()
    }

    /// A path of ours that leads on to another one afterwards.
    pub(crate) fn with_next(&self, path: &str, next: &WayBack) -> String {
        let next: String = form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
        format!("{}?next={next}", self.to(path))
    }

    /// The address of a path of ours, also where another application mounts us.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.app.public_url().path())
    }

    pub(crate) fn brand(&self) -> &str {
        &self.app.config().brand.name
    }

    /// The operator's own picture.
    pub(crate) fn logo(&self) -> Option<String> {
        self.app.look().logo().map(|path| self.to(path))
    }

    pub(crate) fn icon(&self) -> String {
        self.to(self.app.look().icon())
    }

    pub(crate) fn sheets(&self) -> [String; 2] {
        self.app.look().sheets().map(|path| self.to(path))
    }

    /// The other languages: code, name, and this page in it. None where the address holds a secret.
    pub(crate) fn other_languages(&self) -> Vec<(&'static str, &'static str, String)> {
        if self.query.iter().any(|(name, _)| name == TOKEN) {
            return Vec::new();
        }
        let others = Language::ALL.into_iter().filter(|other| *other != self.language);
        others.map(|other| (other.tag(), other.own_name(), self.here(Some(other)))).collect()
    }

    /// What was just done, as the parameter `done` of the redirect says. An unknown word says nothing.
    pub(crate) fn done(&self) -> Option<&'static str> {
        let key = match self.query("done")? {
            "profile" => "page.done.profile",
            "picture" => "page.done.picture",
            "picture-removed" => "page.done.picture_removed",
            "session-ended" => "page.done.session_ended",
            "others-ended" => "page.done.others_ended",
            "logged-out" => "page.done.logged_out",
            "verified" => "page.done.verified",
            "verification-sent" => "page.done.verification_sent",
            "email-requested" => "page.done.email_requested",
            "email-changed" => "page.done.email_changed",
            "email-undone" => "page.done.email_undone",
            "password" => "page.done.password",
            "password-set" => "page.done.password_set",
            "deleted" => "page.done.deleted",
            "deletion-scheduled" => "page.done.deletion_scheduled",
            "called-back" => "page.done.called_back",
            "disabled" => "page.done.disabled",
            "enabled" => "page.done.enabled",
            "sessions-ended" => "page.done.sessions_ended",
            "reset-mailed" => "page.done.reset_mailed",
            "role" => "page.done.role",
            "account-deleted" => "page.done.account_deleted",
            "factor-removed" => "page.done.factor_removed",
            "login-expired" => "page.done.login_expired",
            "claimed" => "page.done.claimed",
            _ => return None,
        };
        Some(self.t(key))
    }

    /// A day, as in `24 November 2026`.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn day(&self, moment: &Timestamp) -> String {
        let text = moment.to_rfc3339();
        let mut parts = text.split(['-', 'T']);
        let (year, month, day) = (parts.next(), parts.next(), parts.next());
        let month = month.and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
        let month = MONTHS.get(month - 1).map_or("", |key| self.t(key));
        let day = day.unwrap_or_default().trim_start_matches('0');
        let point = if self.language == Language::De { "." } else { "" };
        format!("{day}{point} {month} {}", year.unwrap_or_default())
    }

    /// A moment to the minute, in UTC.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn moment(&self, moment: &Timestamp) -> String {
        let text = moment.to_rfc3339();
        let time = text.split('T').nth(1).and_then(|time| time.get(..5)).unwrap_or_default();
        format!("{}, {time} UTC", self.day(moment))
    }

    /// How long ago, in the largest unit that is whole.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn ago(&self, moment: &Timestamp) -> String {
        let minutes = (self.app.now() - *moment).as_secs() / 60;
        match minutes {
            0 => self.t("page.ago.now").to_owned(),
            1 => self.t("page.ago.minute").to_owned(),
            2..60 => self.t1("page.ago.minutes", "count", minutes),
            60..120 => self.t("page.ago.hour").to_owned(),
            120..1440 => self.t1("page.ago.hours", "count", minutes / 60),
            1440..2880 => self.t("page.ago.day").to_owned(),
            _ => self.t1("page.ago.days", "count", minutes / 1440),
        }
    }
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    Language::of_known_tag(pairs.find(|(name, _)| *name == LANGUAGE_COOKIE)?.1)
}

impl FromRequestParts<App> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app, parts))
    }
}
