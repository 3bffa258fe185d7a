//! `portcullis serve`.

use std::io::{self, Write};

use tokio::net::TcpListener;

use crate::{
    admin::{FirstAdminCode, offer_first_admin},
    app::App,
    config::Config,
    serve,
};

/// Serves until told to stop.
///
/// # Errors
/// One sentence for the operator.
pub async fn run(config: Config) -> Result<(), String> {
    let listener = TcpListener::bind(config.listen).await.map_err(|cause| {
        format!(
            "cannot listen on {}: {cause}. Stop what listens there, or choose another port with --listen",
            config.listen
        )
    })?;
    let bound = listener.local_addr().map_err(|cause| format!("the listener has no address: {cause}"))?;
    let config = config.with_bound(bound);
    if !config.limits {
        tracing::warn!(
            "limits are off: anyone may guess passwords without end. For load tests only; unset PORTCULLIS_LIMITS"
        );
    }
    if !config.public_url().is_https() {
        tracing::info!(
            "the public URL is plain HTTP, for this computer only: the session cookie is also set without Secure, for \
             Safari"
        );
    }
    let app = App::open(config.clone()).await.map_err(|error| error.to_string())?;
    let router = app.router().map_err(|error| error.to_string())?;
    let code = offer_first_admin(&app).await.map_err(|error| error.to_string())?;
    greet(&config, code.as_ref()).map_err(|cause| format!("standard output: {cause}"))?;
    serve::serve(listener, router, serve::signals()).await;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Tells a newcomer where to look. The first line is also what a script waits for.
fn greet(config: &Config, code: Option<&FirstAdminCode>) -> io::Result<()> {
    let url = config.public_url();
    let url = url.as_str();
    let mut out = io::stdout();
    writeln!(out, "Portcullis listens on http://{}", config.listen)?;
    writeln!(out, "  docs page  {url}/docs     sign up there, press Authorize, read your profile")?;
    writeln!(out, "  accounts   portcullis user add you@example.com")?;
    writeln!(out, "  data       {}", config.data_dir.display())?;
    writeln!(out, "  stop       Ctrl-C")?;
    if let Some(code) = code {
        // The console alone: a log is kept, and read by more people.
        writeln!(out)?;
        writeln!(
            out,
            "There is no account yet. To become the administrator, sign up, log in, and within one hour"
        )?;
        writeln!(
            out,
            "send this code to {url}/admin/claim (POST, as \"code\"), or enter it at {url}/console/claim:"
        )?;
        writeln!(out)?;
        writeln!(out, "  {}", code.reveal().as_str())?;
        writeln!(out)?;
        writeln!(
            out,
            "It works once, and is shown this once. Or: portcullis user add you@example.com --admin"
        )?;
    }
    out.flush()
}
