//! An extractor that does not describe what it adds to the document.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use portcullis::{Api, Json, Public};

struct Tenant(u32);

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut http::request::Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(1))
    }
}

async fn read_tenant(_: Public, tenant: Tenant) -> Json<u32> {
    Json(tenant.0)
}

fn main() {
    let _ = Api::<()>::new("Shop", "1.0").get("/tenant", read_tenant);
}
