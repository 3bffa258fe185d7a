//! The SQL of the profile: an account's row and its picture's, read together.

use super::Profile;
use crate::{
    accounts::AccountId,
    db::{Conn, fetch_optional},
};

pub(super) async fn profile(conn: Conn<'_>, id: AccountId) -> Result<Option<Profile>, crate::db::Error> {
    fetch_optional!(
        conn,
        Profile,
        "SELECT accounts.id, email, full_name, is_active, deletion_due_at, profile_images.id AS picture
         FROM accounts LEFT JOIN profile_images ON profile_images.account_id = accounts.id
         WHERE accounts.id = $1 AND organisation_id IS NULL",
        id
    )
}
