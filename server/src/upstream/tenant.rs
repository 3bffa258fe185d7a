//! Microsoft's tenants: each has its own issuer, and the metadata for several tenants name none.

/// The tenant of personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The placeholder for the tenant in metadata, and in the issuer of some keys.
const PLACEHOLDER: &str = "{tenantid}";

/// Whose accounts may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tenant {
    /// Everyone's: organisations and individuals.
    Common,
    Organizations,
    Consumers,
    /// Those of one organisation, by its id.
    One(String),
}

impl Tenant {
    /// # Errors
    /// What is wrong, to follow the setting's name.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "common" => Ok(Self::Common),
            "organizations" => Ok(Self::Organizations),
            "consumers" => Ok(Self::Consumers),
            id if is_id(id) => Ok(Self::One(id.to_ascii_lowercase())),
            _ => Err("must be `common`, `organizations`, `consumers` or the id of your tenant, as in \
                      72f988bf-86f1-41af-91ab-2d7cd011db47"),
        }
    }

    /// The address of its metadata.
    pub(super) fn discovery(&self, address: &str) -> String {
        let tenant = match self {
            Self::Common => "common",
            Self::Organizations => "organizations",
            Self::Consumers => "consumers",
            Self::One(id) => id,
        };
        format!("{address}/{tenant}/v2.0")
    }

    /// The `issuer` that its metadata must have.
    pub(super) fn metadata_issuer(&self, address: &str) -> String {
        issuer_of(
            address,
            match self {
                Self::Common | Self::Organizations => PLACEHOLDER,
                Self::Consumers => CONSUMERS,
                Self::One(id) => id,
            },
        )
    }

    /// Whether `issuer` belongs to a tenant that may log in.
    pub(super) fn has(&self, address: &str, issuer: &str) -> bool {
        let tenant = issuer
            .strip_prefix(address)
            .and_then(|rest| rest.strip_prefix('/')?.strip_suffix("/v2.0"))
            .filter(|tenant| is_id(tenant));
        match (self, tenant) {
            (_, None) => false,
            (Self::Common, Some(_)) => true,
            (Self::Organizations, Some(id)) => id != CONSUMERS,
            (Self::Consumers, Some(id)) => id == CONSUMERS,
            (Self::One(own), Some(id)) => id == own,
        }
    }
}

/// The issuer of a tenant's tokens.
pub(super) fn issuer_of(address: &str, tenant: &str) -> String {
    format!("{address}/{tenant}/v2.0")
}

/// Whether a key marked with `key_issuer` may sign for the tenant.
pub(super) fn signs_for(key_issuer: &str, tenant: &str, issuer: &str) -> bool {
    key_issuer.replace(PLACEHOLDER, tenant) == issuer
}

/// A UUID in its usual form.
fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://login.microsoftonline.com";
    const ONE: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db48";

    #[test]
    fn l01_each_tenant_has_its_own_issuer() {
        for (setting, one, other, consumers) in [
            ("common", true, true, true),
            ("organizations", true, true, false),
            ("consumers", false, false, true),
            (ONE, true, false, false),
        ] {
            let tenant = Tenant::parse(setting).unwrap();
            let has = |id: &str| tenant.has(ADDRESS, &issuer_of(ADDRESS, id));
            assert_eq!((has(ONE), has(OTHER), has(CONSUMERS)), (one, other, consumers), "{setting}");
            for wrong in
                ["common", "", "../x", "{tenantid}", &format!("{ONE}/x"), &format!("{ONE}x"), "evil.example"]
            {
                assert!(!has(wrong), "{wrong}");
            }
            assert!(!tenant.has(ADDRESS, &format!("https://evil.example/{ONE}/v2.0")));
            assert!(!tenant.has(ADDRESS, &format!("{ADDRESS}.evil.example/{ONE}/v2.0")));
        }
        for wrong in [
            "",
            "contoso.onmicrosoft.com",
            "Common",
            "2f988bf-86f1-41af-91ab-2d7cd011db47",
            &format!("{ONE}0"),
        ] {
            assert!(Tenant::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metadata_name_the_tenant_or_its_place() {
        let metadata = |text: &str| Tenant::parse(text).unwrap().metadata_issuer(ADDRESS);
        assert_eq!(metadata("common"), format!("{ADDRESS}/{{tenantid}}/v2.0"));
        assert_eq!(metadata("consumers"), format!("{ADDRESS}/{CONSUMERS}/v2.0"));
        assert_eq!(metadata(&ONE.to_uppercase()), format!("{ADDRESS}/{ONE}/v2.0"));
        assert!(signs_for(&metadata("common"), ONE, &issuer_of(ADDRESS, ONE)));
        assert!(signs_for(&metadata(ONE), ONE, &issuer_of(ADDRESS, ONE)));
        assert!(!signs_for(&metadata(OTHER), ONE, &issuer_of(ADDRESS, ONE)));
    }
}
