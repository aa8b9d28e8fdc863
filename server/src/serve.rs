//! Connections: taken, bounded, and shut in good order.
//!
//! Owns how many are open at once, how long a head may take to arrive, and the stop: no new connections, what was begun is finished
//! within a time, then the rows that wait are written.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::routes::app;
use crate::server::Server;

/// Longest time for a request's head.
const HEAD: Duration = Duration::from_secs(15);
/// Longest time for what was begun when the server is to stop.
const FINISH: Duration = Duration::from_secs(30);

/// Serves until `stop`, then finishes what was begun.
///
/// # Errors
/// Where the listener fails for good.
pub async fn serve(server: Arc<Server>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let connections = Arc::new(Semaphore::new(server.config.limits.connections));
    let app = app(server.clone());
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    let mut stop = pin!(stop);
    loop {
        let place = tokio::select! {
            place = connections.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file handles, or gone before it was taken: the next may do.
                log::warn!("a connection was not taken: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = graceful.watch(connection);
        let server = server.clone();
        server.metrics.connections.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("a connection ended: {error}");
            }
            server.metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    log::info!("stopping: what was begun is finished");
    if tokio::time::timeout(FINISH, graceful.shutdown()).await.is_err() {
        log::warn!("stopping: some requests were not done within {} s", FINISH.as_secs());
    }
    Ok(())
}
