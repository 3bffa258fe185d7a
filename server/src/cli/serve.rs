//! `portcullis serve`.

use std::io::{self, Write};

use tokio::net::TcpListener;

use crate::{app::App, config::Config, serve};

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
    let app = App::open(config.clone()).await.map_err(|error| error.to_string())?;
    let router = app.router().map_err(|error| error.to_string())?;
    greet(&config).map_err(|cause| format!("standard output: {cause}"))?;
    serve::serve(listener, router, serve::signals()).await;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Tells a newcomer where to look. The first line is also what a script waits for.
fn greet(config: &Config) -> io::Result<()> {
    let url = config.public_url();
    let url = url.as_str();
    let mut out = io::stdout();
    writeln!(out, "Portcullis listens on http://{}", config.listen)?;
    writeln!(out, "  docs page  {url}/docs     sign up there, press Authorize, read your profile")?;
    writeln!(out, "  accounts   portcullis user add you@example.com")?;
    writeln!(out, "  data       {}", config.data_dir.display())?;
    writeln!(out, "  stop       Ctrl-C")?;
    out.flush()
}
