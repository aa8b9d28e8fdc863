//! A server that speaks S3, with its signatures checked, over a folder that goes.

use std::fs;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;

/// Where a bucket is: its address, and the variables that open it.
pub struct Bucket {
    pub url: String,
    pub variables: Vec<(String, String)>,
}

/// A part of the bucket that nobody else has.
pub fn bucket() -> Bucket {
    static PORT: OnceLock<u16> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let port = PORT.get_or_init(start);
    let variables = [
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", "shelfscan".into()),
        ("AWS_SECRET_ACCESS_KEY", "of the tests".into()),
        ("AWS_REGION", "eu-central-1".into()),
    ];
    Bucket {
        url: format!("s3://crops/test{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

fn start() -> u16 {
    let folder = tempfile::Builder::new().prefix("shelfscan-bucket-").tempdir().unwrap().keep();
    fs::create_dir(folder.join("crops")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single("shelfscan", "of the tests"));
    let service = builder.build();
    // A runtime of its own: those of the tests end with them.
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(connection);
            }
        });
    });
    port
}
