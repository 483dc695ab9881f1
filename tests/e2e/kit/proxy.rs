//! A wire that tests can cut: a proxy between two servers, which passes bytes on or does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Passes everything on.
    Whole,
    /// Passes nothing on, and says nothing: connections stay as they are, half open.
    Silent,
    /// Passes nothing on to the server that was dialled; what it says comes through.
    DeafTo,
    /// Passes everything on to the server that was dialled; what it says is kept back.
    MuteFrom,
    /// Breaks every connection, and takes no new one.
    Cut,
    /// The test is over.
    Gone,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl Wire {
    fn passes(self, way: Way) -> bool {
        match self {
            Wire::Whole => true,
            Wire::Silent => false,
            Wire::DeafTo => way == Way::Back,
            Wire::MuteFrom => way == Way::There,
            Wire::Cut | Wire::Gone => false,
        }
    }

    fn breaks(self) -> bool {
        matches!(self, Wire::Cut | Wire::Gone)
    }
}

/// A proxy on a thread of its own, so that it works while a test waits.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    wire: watch::Sender<Wire>,
    connections: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A whole wire to this port of the machine's own.
    pub fn to(port: u16) -> Proxy {
        let (wire, watched) = watch::channel(Wire::Whole);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a setting");
        let own = listener.local_addr().expect("an address").port();
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(listener, server, watched, counted));
        };
        Proxy { port: own, wire, connections, thread: Some(std::thread::spawn(serve)) }
    }

    /// Makes the wire so, from now on.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Breaks every connection, and waits until none is left; the wire stays cut.
    pub async fn cut(&self) {
        self.set(Wire::Cut);
        let none = async || (self.connections.load(Ordering::SeqCst) == 0).then_some(());
        super::until("a wire without connections", none).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Wire::Gone);
        if let Some(thread) = self.thread.take() {
            // A panic there shows as a wire that does nothing.
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    server: SocketAddr,
    wire: watch::Receiver<Wire>,
    connections: Arc<AtomicUsize>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut gone = wire.clone();
    loop {
        tokio::select! {
            _ = gone.wait_for(|wire| *wire == Wire::Gone) => return,
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.fetch_add(1, Ordering::SeqCst);
                let (wire, connections) = (wire.clone(), Arc::clone(&connections));
                tokio::spawn(async move {
                    connect(client, server, wire).await;
                    connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }
    }
}

async fn connect(client: TcpStream, server: SocketAddr, wire: watch::Receiver<Wire>) {
    if wire.borrow().breaks() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Both ways end together: then the connection is dropped, and both ends see it.
    tokio::select! {
        () = pass(from_client, to_server, Way::There, wire.clone()) => {}
        () = pass(from_server, to_client, Way::Back, wire.clone()) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, mut wire: watch::Receiver<Wire>) {
    let mut broken = wire.clone();
    let flow = async {
        let mut piece = vec![0; 1 << 16];
        loop {
            let Ok(count) = from.read(&mut piece).await else { return };
            if count == 0 || wire.wait_for(|wire| wire.passes(way)).await.is_err() {
                return;
            }
            if to.write_all(&piece[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = flow => {}
        _ = broken.wait_for(|wire| wire.breaks()) => {}
    }
}
