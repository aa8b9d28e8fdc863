//! A server to talk to, without a socket, and how to talk to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};
use shelfscan_protocol::Item;
use shelfscan_protocol::http::{ITEM_TYPE, item_path};
use shelfscan_server::database::skus::Sku;
use shelfscan_server::database::tokens::Role;
use shelfscan_server::{Config, Server, app};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{bucket, postgres};

pub const BASE: &str = "/api/v1/ai/v2";

/// The stores that a server keeps things in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    /// SQLite and a folder.
    Embedded,
    /// PostgreSQL and a bucket.
    Shared,
}

/// A server.
pub struct Running {
    pub server: Arc<Server>,
    pub variables: BTreeMap<String, String>,
    app: Router,
    tokens: HashMap<Role, String>,
    _folder: TempDir,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Running {
    /// A server with these stores; none where this machine can't have them.
    pub async fn on(stores: Stores, more: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.into(), value.into());
        set("SHELFSCAN_DATA", folder.path().join("data").to_str().unwrap());
        set("AI_V2_ENABLED", "false");
        set("SHELFSCAN_SECOND_OPINIONS_PERCENT", "0");
        set("SHELFSCAN_REQUESTS_PER_MINUTE", "1000000");
        if stores == Stores::Shared {
            set("DATABASE_URL", &postgres::database()?);
            let bucket = bucket::bucket();
            set("BLOB_URL", &bucket.url);
            bucket.variables.iter().for_each(|(name, value)| drop(set(name, value)));
        }
        more.iter().for_each(|(name, value)| drop(set(name, value)));
        Some(Self::with(folder, variables).await)
    }

    async fn with(folder: TempDir, variables: BTreeMap<String, String>) -> Self {
        let config = Config::from_variables(&variables).unwrap();
        let (server, _) = Server::open(config).await.unwrap_or_else(|error| panic!("{error}"));
        let mut tokens = HashMap::new();
        for role in Role::ALL {
            tokens.insert(role, server.database.create_token(role.name(), role).await.unwrap().1);
        }
        let skus = [("cola", "Cola"), ("pils", "Pils can"), ("50%_off", "Half price")];
        let skus = skus.map(|(id, name)| Sku { id: id.into(), name: name.into(), container: None, barcode: None });
        server.database.add_skus(&skus, "test").await.unwrap();
        Self { app: app(server.clone()), server, variables, tokens, _folder: folder }
    }

    /// A server on SQLite and a folder, where nothing else is wanted.
    pub async fn start() -> Self {
        Self::on(Stores::Embedded, &[]).await.unwrap()
    }

    /// Another server on the same stores, as on another machine.
    pub async fn another(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut variables = self.variables.clone();
        if !variables.contains_key("DATABASE_URL") {
            let data = variables["SHELFSCAN_DATA"].clone();
            variables.insert("DATABASE_URL".into(), format!("sqlite://{data}/shelfscan.db"));
            variables.insert("BLOB_URL".into(), format!("file://{data}/blobs"));
        }
        variables.insert("SHELFSCAN_DATA".into(), folder.path().join("data").to_str().unwrap().into());
        Self::with(folder, variables).await
    }

    /// The token of a role.
    pub fn token(&self, role: Role) -> &str {
        &self.tokens[&role]
    }

    /// Sends a request with the token of a role.
    pub async fn send(&self, role: Role, request: axum::http::request::Builder, body: impl Into<Body>) -> Answered {
        let bearer = format!("Bearer {}", self.token(role));
        self.send_bare(request.header(header::AUTHORIZATION, bearer).body(body.into()).unwrap()).await
    }

    /// Sends a request as it is.
    pub async fn send_bare(&self, request: Request<Body>) -> Answered {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 30).await.unwrap();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, role: Role, path: &str) -> Answered {
        self.send(role, Request::get(path), ()).await
    }

    /// Posts JSON.
    pub async fn post(&self, role: Role, path: &str, body: Value) -> Answered {
        let request = Request::post(format!("{BASE}{path}")).header(header::CONTENT_TYPE, "application/json");
        self.send(role, request, body.to_string()).await
    }

    /// Posts JSON with a token that is none of the three.
    pub async fn post_as(&self, secret: &str, path: &str, body: Value) -> Answered {
        let request = Request::post(format!("{BASE}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {secret}"));
        self.send_bare(request.body(body.to_string().into()).unwrap()).await
    }

    /// Puts an item as a phone does.
    pub async fn put(&self, item: &Item) -> Answered {
        self.put_bytes(&item_path(item.id()), item.bytes().to_vec()).await
    }

    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Answered {
        let request = Request::builder().method(Method::PUT).uri(path).header(header::CONTENT_TYPE, ITEM_TYPE);
        self.send(Role::Device, request, bytes).await
    }

    /// Puts an item that must be new.
    pub async fn put_new(&self, item: &Item) {
        let answered = self.put(item).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{answered:?}");
    }

    /// Claims items, and gives their ids.
    pub async fn claim(&self, role: Role, count: u32) -> Vec<String> {
        let claimed = self.post(role, "/review/claim", json!({"count": count})).await.json();
        ids(&claimed["items"])
    }

    /// A token for one more reviewer.
    pub async fn reviewer(&self, name: &str) -> String {
        self.server.database.create_token(name, Role::Reviewer).await.unwrap().1
    }
}

/// The ids of a list of items.
pub fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

impl Answered {
    /// The JSON of a 200.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// That it is an error of this status and code, in the server's own form.
    #[track_caller]
    pub fn is_error(&self, status: u16, code: &str) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"));
        assert_eq!((self.status.as_u16(), body["error"]["code"].as_str()), (status, Some(code)), "{body}");
        body["error"]["message"].as_str().unwrap().to_owned()
    }
}
