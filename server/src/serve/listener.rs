//! What connections come from: a TCP port, or a Unix socket that only a proxy on the same computer can reach.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// The owner and the group may connect: the proxy's user joins the server's group.
const SOCKET_MODE: u32 = 0o660;
/// A peer on a Unix socket has no address. It is a process of this computer, and counts as such: what it says of
/// clients is believed when `trusted_proxies` names 127.0.0.1.
const UNIX_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Both directions of a connection.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection and its peer's address.
pub(super) type Accepted = (Box<dyn Socket>, SocketAddr);

/// Where connections are accepted.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket; its file goes with it.
    Unix(UnixListener, SocketFile),
}

/// The name of a socket in the file system. It is removed when dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another may have taken it away already.
        let _ = fs::remove_file(&self.0);
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl Listener {
    /// A Unix socket at `path`, mode 0660. What an earlier process left there is replaced when nobody answers on it;
    /// any other file is left alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] when a server answers there or the path is not a socket, and what the system says.
    pub async fn unix(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "a file that is not a socket is there"));
            }
            Ok(_) => match UnixStream::connect(path).await {
                Err(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(cause) => return Err(cause),
                Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "a server answers there")),
            },
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(cause),
        }
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(Self::Unix(listener, file))
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| tcp(stream, peer)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| unix(stream)),
        }
    }

    /// The connections that the system has accepted for us already; it accepts no more.
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
    // Without it Nagle's algorithm and delayed acknowledgements can hold an answer back for 40 ms.
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY could not be set");
    }
    (Box::new(stream), peer)
}

fn unix(stream: UnixStream) -> Accepted {
    (Box::new(stream), UNIX_PEER)
}
