//! `portcullis serve`.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpListener;

use crate::{
    admin::{FirstAdminCode, is_shown_elsewhere, offer_first_admin},
    app::App,
    config::{Config, Listen, service_links},
    health,
    mail::Transport,
    middleware,
    serve::{self, Limits, Listener, Routers},
};

/// Serves until a signal stops it.
pub(super) async fn run(config: Config) -> Result<(), String> {
    let (listener, config) = listen(config).await?;
    let links = service_links();
    if let Some(first) = links.first() {
        tracing::info!(
            count = links.len(),
            first,
            "Kubernetes has set variables for a Service named like this program; they are not settings and are ignored"
        );
    }
    if !config.limits {
        tracing::warn!(
            "limits are off, so anyone can guess passwords without limit. Unset PORTCULLIS_LIMITS unless this is a \
                load test"
        );
    }
    if !config.public_url().is_https() {
        tracing::info!(
            "the public URL is plain HTTP, for this computer only: the session cookie is also set without Secure, for \
             Safari"
        );
    }
    let starting =
        middleware::wrap(health::while_starting(), config.public_url().is_https(), &config.trusted_proxies);
    let (routers, opened) = (Arc::new(Routers::starting(starting)), Arc::new(OnceLock::new()));
    let stop = told_to_stop(Arc::clone(&opened));
    // In a separate task, so that it responds while the database is opened and migrated.
    let mut serving =
        tokio::spawn(serve::serve_routers(limits(&config), listener, Arc::clone(&routers), stop));
    let app = tokio::select! {
        _ = &mut serving => {
            tracing::info!("stopped before it was ready");
            return Ok(());
        }
        app = open(&config, &routers) => app?,
    };
    let _served = mark_served(&config);
    let _ = opened.set(app.clone());
    serving.await.map_err(|cause| format!("the server ended: {cause}"))?;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the app, lets requests in, and greets the operator.
async fn open(config: &Config, routers: &Routers) -> Result<App, String> {
    let app = App::open(config.clone()).await.map_err(|error| error.to_string())?;
    app.start_workers();
    let router = app.router().map_err(|error| error.to_string())?;
    let code = offer_first_admin(&app).await.map_err(|error| error.to_string())?;
    routers.set(router);
    let is_shown_elsewhere =
        code.is_none() && is_shown_elsewhere(&app).await.map_err(|error| error.to_string())?;
    greet(config, code.as_ref(), is_shown_elsewhere).map_err(|cause| format!("standard output: {cause}"))?;
    Ok(app)
}

/// Marks the folder of the SQLite file as served until the process ends. SQLite coordinates two servers on one
/// computer, so a second one only causes a warning: a restart may overlap.
fn mark_served(config: &Config) -> Option<File> {
    let file = config.sqlite_file()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mark = File::open(folder).ok()?;
    if let Err(TryLockError::WouldBlock) = mark.try_lock() {
        tracing::warn!(
            folder = %folder.display(),
            "another server already uses this SQLite database. On one computer this works, for overlapping restarts. \
                From several computers it destroys the file: use PostgreSQL instead"
        );
    }
    Some(mark)
}

/// Waits for a signal, then makes `/ready` report that the server is stopping.
async fn told_to_stop(app: Arc<OnceLock<App>>) {
    serve::signals().await;
    if let Some(app) = app.get() {
        app.leave();
    }
}

fn limits(config: &Config) -> Limits {
    let limits = Limits {
        trusted_proxies: config.trusted_proxies.clone(),
        stop_delay: config.stop_delay,
        ..Limits::default()
    };
    let per_address = if config.limits { config.connections_per_address } else { limits.connections };
    Limits { connections_per_address: per_address, ..limits }
}

/// Takes the socket that systemd hands over, or binds to the address in the settings. Returns the settings with the
/// actual address, including a port that the system chose.
async fn listen(mut config: Config) -> Result<(Listener, Config), String> {
    let handed_over = Listener::handed_over().map_err(|cause| {
        format!("cannot use the socket of systemd: {cause}. See the ListenStream= lines of its .socket unit")
    })?;
    if let Some((listener, place)) = handed_over {
        config.listen = place;
        // The socket may be reachable for others, where `listen` named this computer only.
        config.check().map_err(|error| error.to_string())?;
        return Ok((listener, config));
    }
    let failed = |cause: io::Error| {
        format!(
            "cannot listen on {}: {cause}. Stop what listens there, or choose another place with --listen",
            config.listen
        )
    };
    match &config.listen {
        Listen::Unix(path) => Ok((Listener::unix(path).await.map_err(failed)?, config)),
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            Ok((listener.into(), config.with_bound(bound)))
        }
    }
}

/// Tells a new operator where to look. Scripts wait for the first line.
fn greet(config: &Config, code: Option<&FirstAdminCode>, is_shown_elsewhere: bool) -> io::Result<()> {
    let url = config.public_url();
    let url = url.as_str();
    let mut out = io::stdout();
    match &config.listen {
        Listen::Tcp(address) => writeln!(out, "Portcullis listens on http://{address}")?,
        unix @ Listen::Unix(_) => writeln!(out, "Portcullis listens on {unix}")?,
    }
    writeln!(out, "  accounts   {url}/account   sign up, log in, your account")?;
    writeln!(out, "  console    {url}/console   for administrators")?;
    writeln!(out, "  API        {url}/docs      press Authorize, and call it")?;
    writeln!(out, "  data       {}", config.data_dir.display())?;
    if let Transport::Folder(folder) = &config.mail.transport {
        writeln!(out, "  emails     are not sent, but written to {}", folder.display())?;
    }
    writeln!(out, "  stop       Ctrl-C")?;
    if let Some(code) = code {
        // Printed to the console only: logs are kept, and read by more people.
        writeln!(out)?;
        writeln!(
            out,
            "There is no account yet. To become the administrator, sign up at {url}/account, and within one hour"
        )?;
        writeln!(out, "enter this code at {url}/console/claim:")?;
        writeln!(out)?;
        writeln!(out, "  {}", code.reveal().as_str())?;
        writeln!(out)?;
        writeln!(
            out,
            "It works once and is not shown again. Or run: portcullis user add you@example.com --admin"
        )?;
    }
    if is_shown_elsewhere {
        writeln!(out)?;
        writeln!(
            out,
            "There is no account yet. Another instance printed the administrator's code seconds ago; look there."
        )?;
        writeln!(out, "To get another code, start this one again after ten seconds.")?;
    }
    out.flush()
}
