//! Where connections come from: a TCP port, or a Unix socket that only a proxy on the same computer can reach.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use listenfd::ListenFd;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use crate::config::Listen;

/// The owner and the group may connect: add the proxy's user to the server's group.
const SOCKET_MODE: u32 = 0o660;
/// A peer on a Unix socket has no address. It is a local process and counts as 127.0.0.1: its forwarded client
/// addresses are trusted if `trusted_proxies` includes 127.0.0.1.
const UNIX_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A bidirectional byte stream.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection and its peer's address.
pub(super) type Accepted = (Box<dyn Socket>, SocketAddr);

/// A source of connections.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket, and its file if the server removes it.
    Unix(UnixListener, Option<SocketFile>),
}

/// The path of a socket. The file is removed when this is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl Listener {
    /// A Unix socket at `path`, mode 0660. A socket left by an earlier process is replaced if nobody accepts
    /// connections on it; any other file is left alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if a server is listening there or the path is not a socket, and the system's
    /// errors.
    pub async fn unix(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "a file that is not a socket is there"));
            }
            Ok(_) => match UnixStream::connect(path).await {
                Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(cause) => return Err(cause),
                Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "a server is listening there")),
            },
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(cause),
        }
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(Self::Unix(listener, Some(file)))
    }

    /// The socket that systemd has opened for this process (`sd_listen_fds(3)`), with where it listens: an address, or
    /// the path of a Unix socket, which systemd removes itself. `None` if there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if there are several or it is not a stream socket, and the system's errors.
    pub fn handed_over() -> io::Result<Option<(Self, Listen)>> {
        #[expect(clippy::disallowed_methods, reason = "a protocol of systemd's and not a setting")]
        let is_ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
        if !is_ours {
            return Ok(None);
        }
        let mut sockets = ListenFd::from_env();
        match sockets.len() {
            0 => return Ok(None),
            1 => {}
            count => {
                let text = format!("systemd hands over {count} sockets, and one is taken");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        if let Ok(Some(listener)) = sockets.take_tcp_listener(0) {
            listener.set_nonblocking(true)?;
            let place = Listen::Tcp(listener.local_addr()?);
            return Ok(Some((Self::Tcp(TcpListener::from_std(listener)?), place)));
        }
        let Some(listener) = sockets.take_unix_listener(0)? else { return Ok(None) };
        listener.set_nonblocking(true)?;
        let place = Listen::Unix(listener.local_addr()?.as_pathname().unwrap_or(Path::new("@")).to_owned());
        Ok(Some((Self::Unix(UnixListener::from_std(listener)?, None), place)))
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| tcp(stream, peer)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| unix(stream)),
        }
    }

    /// The connections that the system has already accepted for us; no more are accepted.
    pub(super) fn into_queued(self) -> Box<dyn Iterator<Item = Accepted> + Send> {
        match self {
            Self::Tcp(listener) => match listener.into_std() {
                Ok(listener) => Box::new(std::iter::from_fn(move || {
                    let (stream, peer) = listener.accept().ok()?;
                    stream.set_nonblocking(true).ok()?;
                    TcpStream::from_std(stream).ok().map(|stream| tcp(stream, peer))
                })),
                Err(_) => Box::new(std::iter::empty()),
            },
            Self::Unix(listener, file) => match listener.into_std() {
                Ok(listener) => Box::new(std::iter::from_fn(move || {
                    let _removed_with_it = &file;
                    let (stream, _) = listener.accept().ok()?;
                    stream.set_nonblocking(true).ok()?;
                    UnixStream::from_std(stream).ok().map(unix)
                })),
                Err(_) => Box::new(std::iter::empty()),
            },
        }
    }
}

fn tcp(stream: TcpStream, peer: SocketAddr) -> Accepted {
    // Otherwise Nagle's algorithm and delayed acknowledgements can delay a response by 40 ms.
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY could not be set");
    }
    (Box::new(stream), peer)
}

fn unix(stream: UnixStream) -> Accepted {
    (Box::new(stream), UNIX_PEER)
}
