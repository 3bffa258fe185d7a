//! The built-in providers: their addresses, their scopes, and how far they are trusted.

use super::trust::Trust;

/// A provider's protocol and peculiarities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Google,
    Microsoft,
    Apple,
    GitHub,
    Facebook,
    Discord,
    GitLab,
    /// An OpenID issuer configured by the operator.
    Issuer,
}

/// One row of the table.
struct Row {
    kind: Kind,
    name: &'static str,
    label: &'static str,
    /// The address, without a trailing `/`. The operator can configure another one: a self-hosted server, a national
    /// cloud.
    address: &'static str,
    scopes: &'static str,
}

/// In the order of the buttons.
const TABLE: [Row; 7] = [
    row(Kind::Google, "google", "Google", "https://accounts.google.com", OPENID),
    row(Kind::Microsoft, "microsoft", "Microsoft", "https://login.microsoftonline.com", OPENID),
    // Either of the two makes Apple post its response as a form.
    row(Kind::Apple, "apple", "Apple", "https://appleid.apple.com", "name email"),
    row(Kind::GitHub, "github", "GitHub", "https://github.com", "read:user user:email"),
    row(Kind::Facebook, "facebook", "Facebook", "https://www.facebook.com", "public_profile email"),
    row(Kind::Discord, "discord", "Discord", "https://discord.com", "identify email"),
    row(Kind::GitLab, "gitlab", "GitLab", "https://gitlab.com", OPENID),
];

const OPENID: &str = "openid email profile";

const fn row(
    kind: Kind,
    name: &'static str,
    label: &'static str,
    address: &'static str,
    scopes: &'static str,
) -> Row {
    Row { kind, name, label, address, scopes }
}

impl Kind {
    /// A name that is not in the table is an issuer configured by the operator.
    pub(super) fn named(name: &str) -> Self {
        TABLE.iter().find(|row| row.name == name).map_or(Self::Issuer, |row| row.kind)
    }

    /// The position of its button.
    pub(super) fn place(self) -> usize {
        TABLE.iter().position(|row| row.kind == self).unwrap_or(TABLE.len())
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.kind == self)
    }

    pub(super) fn label(self) -> Option<&'static str> {
        self.row().map(|row| row.label)
    }

    pub(super) fn address(self) -> Option<&'static str> {
        self.row().map(|row| row.address)
    }

    pub(super) fn scopes(self) -> &'static str {
        self.row().map_or(OPENID, |row| row.scopes)
    }

    /// Whether it uses OpenID Connect; the others have their own API after OAuth 2.0.
    pub(super) fn is_openid(self) -> bool {
        !matches!(self, Self::GitHub | Self::Facebook | Self::Discord)
    }

    /// How far it is trusted about an email address. `operator_says` is the operator's setting.
    pub(super) fn trust(self, operator_says: bool) -> Trust {
        match self {
            Self::Google => Trust::GmailOrHd,
            Self::Microsoft => Trust::Edov,
            Self::Apple | Self::GitHub | Self::Discord => Trust::ClaimTrue,
            Self::Facebook => Trust::Never,
            Self::GitLab | Self::Issuer => Trust::OperatorSays(operator_says),
        }
    }

    /// Whether it responds to `max_age=0` with a new login and its time. Google, Microsoft and Apple do not promise
    /// `auth_time`, and the others have nothing similar.
    pub(super) fn asks_again(self) -> bool {
        matches!(self, Self::GitLab | Self::Issuer)
    }
}
