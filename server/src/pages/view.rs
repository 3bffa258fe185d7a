//! What a page knows about the request that it responds to.

use std::{
    convert::Infallible,
    fmt::{self, Display},
};

use askama::{Template, filters::HtmlSafe};
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use portcullis::Scope as _;
use url::form_urlencoded;

use super::{Done, NotShown, WayBack, way_back::is_own_path};
use crate::{
    access::{AccountsRead, AuditRead, Fresh, Principal},
    accounts::Role,
    app::App,
    clock::Timestamp,
    error::Error,
    mail::Transport,
    messages::Language,
    paths,
};

/// Remembers the chosen language, and nothing about who chose it.
const LANGUAGE_COOKIE: &str = "portcullis-language";
/// The query parameter that chooses the language.
const LANGUAGE: &str = "lang";
/// The token parameter of an emailed link. It is never copied to another link.
const TOKEN: &str = "token";
/// The parameter of a login that returns from a provider; such a page has no language links.
const STATE: &str = "state";
/// The parameter that carries typed text across a login. It is sealed, so that no history or log contains the text.
const KEPT: &str = "kept";
/// The number of characters that are kept: the length of the longest address.
const MAX_KEPT: usize = 254;
/// The purpose that the typed text is sealed for.
const KEPT_PURPOSE: &str = "page: kept while logging in";

/// The context of a page: its language, its links and its visitor. Templates call it `v`.
#[derive(Debug, Clone)]
pub(crate) struct View {
    app: App,
    pub(crate) language: Language,
    /// The language was just chosen.
    is_chosen: bool,
    /// Relative to the public address's path.
    path: String,
    query: Vec<(String, String)>,
    is_get: bool,
    /// Who is logged in.
    pub(super) visitor: Option<Principal>,
}

/// What precedes the sealed text: the ID of its reader, or that it may be anyone (no account has the ID 0).
fn mark(reader: Option<Principal>) -> [u8; 8] {
    reader.map_or(0, |reader| reader.account.number()).to_be_bytes()
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
            visitor: None,
        }
    }

    /// A query parameter, if it occurs once.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut values =
            self.query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// The token of the emailed link that was opened.
    pub(crate) fn link(&self) -> &str {
        self.query(TOKEN).unwrap_or_default()
    }

    /// Where to go afterwards: the parameter `next`.
    pub(crate) fn way_back(&self) -> WayBack {
        WayBack::of(&self.app, self.query("next"))
    }

    /// The response with this page.
    #[expect(clippy::unused_self, reason = "every answer of a page comes from its view")]
    pub(crate) fn show(&self, status: StatusCode, page: &impl Template) -> Result<Response, Error> {
        let html =
            page.render().map_err(|cause| Error::Internal(format!("a page cannot be rendered: {cause}")))?;
        Ok((status, Html(html)).into_response())
    }

    /// Redirects to one of our pages by GET (RFC 9110 §15.4.4).
    pub(crate) fn go(&self, path: &str) -> Response {
        Redirect::to(&self.to(path)).into_response()
    }

    /// Like [`go`](Self::go), with a notice of what was done.
    pub(crate) fn go_done(&self, path: &str, done: Done) -> Response {
        self.go(&format!("{path}{}done={}", if path.contains('?') { '&' } else { '?' }, done.word()))
    }

    /// The proof of a fresh login, or a redirect to the login, which returns to the page `back`. If a form was sent,
    /// that page then asks to send it again.
    pub(crate) fn fresh(&self, principal: Principal, back: &str) -> Result<Fresh, NotShown> {
        principal.fresh(self.app.now()).map_err(|_stale| {
            let mark = if back.contains('?') { '&' } else { '?' };
            let done =
                if self.is_get { String::new() } else { format!("{mark}done={}", Done::Confirmed.word()) };
            let back = self.to(&format!("{back}{done}"));
            let back = form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>();
            NotShown::Instead(Box::new(self.go(&format!("{}?next={back}", paths::CONFIRM))))
        })
    }

    /// The address of a page that will show the typed text again: see [`kept`](Self::kept). A page for logged-in people
    /// names its `reader`, so that nobody else can fill in its form for them.
    pub(crate) fn keeping(&self, path: &str, reader: Option<Principal>, typed: &str) -> String {
        let typed: String = typed.chars().take(MAX_KEPT).collect();
        let sealed = self.app.secret().seal(KEPT_PURPOSE, &[&mark(reader), typed.as_bytes()].concat());
        format!("{path}?{KEPT}={}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The text that [`keeping`](Self::keeping) put in this page's address for the same reader, or an empty string.
    pub(crate) fn kept(&self, reader: Option<Principal>) -> String {
        let opened = || {
            let sealed = URL_SAFE_NO_PAD.decode(self.query(KEPT)?).ok()?;
            let typed = self.app.secret().open(KEPT_PURPOSE, &sealed).ok()?;
            String::from_utf8(typed.strip_prefix(&mark(reader))?.to_vec()).ok()
        };
        opened().unwrap_or_default()
    }

    /// Redirects to the login, which returns here if this page can be requested by GET.
    pub(super) fn log_in(&self) -> Response {
        if !self.is_get || self.query(TOKEN).is_some() {
            return self.go(paths::LOG_IN);
        }
        let back = form_urlencoded::byte_serialize(self.here(None).as_bytes()).collect::<String>();
        self.go(&format!("{}?next={back}", paths::LOG_IN))
    }

    /// Redirects to this page without the slash at the end of its address, if it has one.
    pub(super) fn without_slash(&self) -> Option<Response> {
        let path = self.path.trim_end_matches('/');
        let is_shorter = !path.is_empty() && path.len() < self.path.len();
        // `//host/` would lead to that host.
        (self.is_get && is_shorter && is_own_path(path)).then(|| {
            let there = Self { path: path.to_owned(), ..self.clone() };
            Redirect::to(&there.here(None)).into_response()
        })
    }

    /// Whether a form was sent only to be shown in another language: see `languages` in `templates/form.html`.
    pub(crate) fn is_choosing_language(&self) -> bool {
        !self.is_get && self.query.iter().any(|(name, _)| name == LANGUAGE)
    }

    /// This page's address, in another language if one is named.
    fn here(&self, language: Option<Language>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        // A form that failed is shown at the address that it was sent to.
        let stays = |name: &str| self.is_get && name != LANGUAGE && name != TOKEN;
        query.extend_pairs(self.query.iter().filter(|(name, _)| stays(name)));
        if let Some(language) = language {
            query.append_pair(LANGUAGE, language.tag());
        }
        let query = query.finish();
        let path = self.to(&self.path);
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// The cookie that the response sets: the language, if it was just chosen.
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

/// The text of a key, for templates.
impl View {
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.language.text(key)
    }

    /// With a value for its `{name}`.
    pub(crate) fn t1(&self, key: &'static str, name: &str, value: impl Display) -> String {
        self.language.fill(key, &[(name, &value.to_string())])
    }

    /// With several values.
    pub(crate) fn t_with(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        self.language.fill(key, values)
    }

    /// Whether someone is logged in.
    pub(crate) fn has_visitor(&self) -> bool {
        self.visitor.is_some()
    }

    /// Whether an administrator is logged in.
    pub(crate) fn is_administrator(&self) -> bool {
        self.visitor.is_some_and(|visitor| visitor.role == Role::Admin)
    }

    /// Whether the visitor's role has this scope.
    fn has(&self, scope: &str) -> bool {
        self.visitor.is_some_and(|visitor| visitor.role.scopes(self.app.scopes()).any(|own| own == scope))
    }

    /// Whether the visitor may read other users' accounts.
    pub(crate) fn reads_accounts(&self) -> bool {
        self.has(AccountsRead::NAME)
    }

    /// Whether the visitor may read the audit log.
    pub(crate) fn reads_audit(&self) -> bool {
        self.has(AuditRead::NAME)
    }

    /// Whether the application has declared permissions, which the console then explains.
    pub(crate) fn has_policy(&self) -> bool {
        self.app.policy().permissions().next().is_some()
    }

    /// The first page of the console that the visitor may see.
    pub(crate) fn console(&self) -> Option<&'static str> {
        if self.reads_accounts() { Some(paths::CONSOLE) } else { self.reads_audit().then_some(paths::AUDIT) }
    }

    /// Whether this is the page at `path`, for the navigation's `aria-current`.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    /// Whether this is the page at `path` or one below it.
    pub(crate) fn is_below(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The folder of emails on this computer, for someone who tries the server on it.
    pub(crate) fn mail_folder(&self) -> Option<String> {
        match &self.app.config().mail.transport {
            Transport::Folder(folder) if !self.app.public_url().is_https() => {
                Some(folder.display().to_string())
            }
            _ => None,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        self.language.tag()
    }

    pub(crate) fn own_name(&self) -> &'static str {
        self.language.own_name()
    }

    /// One of our paths that continues to another path afterwards.
    pub(crate) fn with_next(&self, path: &str, next: &WayBack) -> String {
        let next: String = form_urlencoded::byte_serialize(next.as_str().as_bytes()).collect();
        format!("{}?next={next}", self.to(path))
    }

    /// The providers that people can log in with: the name in paths and the display name.
    pub(crate) fn providers(&self) -> Vec<(&str, &str)> {
        self.app.providers().iter().map(|provider| (provider.name(), provider.label())).collect()
    }

    /// The address of one of our paths, also where another application mounts us.
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

    /// The pages' only script.
    pub(crate) fn script(&self) -> String {
        self.to(self.app.look().script())
    }

    pub(crate) fn sheets(&self) -> [String; 2] {
        self.app.look().sheets().map(|path| self.to(path))
    }

    /// The other languages: code, name, and this page in it. None when returning from a provider, because that request
    /// works only once.
    pub(crate) fn other_languages(&self) -> Vec<(&'static str, &'static str, String)> {
        if self.query.iter().any(|(name, _)| name == STATE) {
            return Vec::new();
        }
        let others = Language::ALL.iter().copied().filter(|other| *other != self.language);
        others.map(|other| (other.tag(), other.own_name(), self.here(Some(other)))).collect()
    }

    /// The notice of what was just done, from the redirect's parameter `done`. An unknown word shows nothing.
    pub(crate) fn done(&self) -> Option<String> {
        let done = Done::of_word(self.query("done")?)?;
        // A notice about something that is no longer visible identifies it by number, so nobody can put other words
        // there.
        let id = self.query("id").and_then(|id| id.parse::<u32>().ok());
        Some(self.t1(done.text(), "id", id.map(|id| id.to_string()).unwrap_or_default()).trim().to_owned())
    }

    /// A day, as in `24 November 2026`.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn day(&self, moment: &Timestamp) -> String {
        self.language.day(*moment)
    }

    /// A moment to the minute. The text is in UTC; the script shows the reader's own time.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn moment(&self, moment: &Timestamp) -> Time {
        let iso = moment.to_rfc3339();
        let clock = iso.split('T').nth(1).and_then(|time| time.get(..5)).unwrap_or_default();
        Time { text: format!("{}, {clock} UTC", self.day(moment)), iso, style: "moment" }
    }

    /// A moment to the second, for the audit trail.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn exact(&self, moment: &Timestamp) -> Time {
        let iso = moment.to_rfc3339();
        let clock = iso.split('T').nth(1).and_then(|time| time.get(..8)).unwrap_or_default();
        Time { text: format!("{}, {clock} UTC", self.day(moment)), iso, style: "exact" }
    }

    /// How long ago, in the largest whole unit. The script adds the exact time as a tooltip.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass what they hold by reference")]
    pub(crate) fn ago(&self, moment: &Timestamp) -> Time {
        let minutes = (self.app.now() - *moment).as_secs() / 60;
        let text = match minutes {
            0 => self.t("page.ago.now").to_owned(),
            1 => self.t("page.ago.minute").to_owned(),
            2..60 => self.t1("page.ago.minutes", "count", minutes),
            60..120 => self.t("page.ago.hour").to_owned(),
            120..1440 => self.t1("page.ago.hours", "count", minutes / 60),
            1440..2880 => self.t("page.ago.day").to_owned(),
            _ => self.t1("page.ago.days", "count", minutes / 1440),
        };
        Time { text, iso: moment.to_rfc3339(), style: "ago" }
    }
}

/// A moment as a `<time>` element, made of our own texts only.
pub(crate) struct Time {
    text: String,
    iso: String,
    style: &'static str,
}

impl HtmlSafe for Time {}

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, iso, style } = self;
        write!(f, "<time datetime=\"{iso}\" data-time=\"{style}\">{text}</time>")
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
        // `dress` has created it, and knows who is logged in.
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self::of(app, parts)))
    }
}
