//! The requests of a queue, over HTTP or HTTPS.
//!
//! Owns connections and their time limits; whom to trust is the system's list of certificates. What to ask and what an answer means
//! is the queue's.

use std::time::Duration;

use shelfscan::queue::Outcome;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http::Response};

use crate::failure::Failure;

/// Most bytes of an answer's body: a delta's.
const MAX_BODY: u64 = shelfscan::protocol::MAX_DELTA_BYTES as u64;

/// A server and the connections to it.
pub struct Server {
    agent: Agent,
    address: String,
}

impl Server {
    /// The server at `address`, such as `https://shelves.example.com`.
    pub fn at(address: &str) -> Result<Self, Failure> {
        if !address.starts_with("https://") && !address.starts_with("http://") {
            return Err(Failure::Arguments(format!("--server {address}: it must begin with https:// or http://")));
        }
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> =
            roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(roots.into())).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            // A redirect would send the item, or the token, to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(60)))
            .user_agent(concat!("shelfscan/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), address: address.trim_end_matches('/').into() })
    }

    /// Puts `body` at `path`.
    pub fn put(&self, path: &str, headers: &[(String, String)], body: &[u8]) -> Outcome {
        let mut request = self.agent.put(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        outcome(request.send(body))
    }

    /// Gets what is at `path`.
    pub fn get(&self, path: &str, headers: &[(String, String)]) -> Outcome {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        outcome(request.call())
    }
}

fn outcome(answer: Result<Response<Body>, ureq::Error>) -> Outcome {
    let failed = |error: ureq::Error| Outcome::Failed { reason: error.to_string() };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failed(error),
    };
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    match answer.body_mut().with_config().limit(MAX_BODY).read_to_vec() {
        Ok(body) => Outcome::Answered { status, retry_after, body },
        Err(error) => failed(error),
    }
}
