//! The forms of the profile picture, on the account's page.

use axum::extract::State;
use portcullis::{Guard, Multipart};

use super::http::Upload;
use crate::{
    accounts::pages::AccountPage,
    app::App,
    client::Client,
    pages::{Answer, Faults, View},
    sessions::SessionCookies,
};

pub(crate) async fn set_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
    Multipart(upload): Multipart<Upload>,
) -> Answer {
    match super::set(&app, *guard.principal(), upload.into_bytes(), &client).await {
        Ok(_) => Ok(v.go("/account?done=picture")),
        Err(error) => {
            let faults = Faults::of(&v, error, &["file"])?;
            let page = AccountPage::of(&v, &app, guard.principal(), faults).await?;
            page.faults.show(&v, &page)
        }
    }
}

pub(crate) async fn remove_picture(
    guard: Guard<SessionCookies>,
    State(app): State<App>,
    client: Client,
    v: View,
) -> Answer {
    super::remove(&app, *guard.principal(), &client).await?;
    Ok(v.go("/account?done=picture-removed"))
}
