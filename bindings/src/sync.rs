//! What the app's own HTTP is asked to do, and what it answers.
//!
//! Owns the records of requests and answers. When to send what, and what an answer means, is the core's.

use std::sync::Arc;

use shelfscan::queue::{self, Conditions, Downloaded, Hold, Network, Next, Outcome};

use crate::queue::parse_id;
use crate::result::BundleInfo;
use crate::{QueuedItem, ReviewQueue, Scanner, ShelfscanError};

/// What the phone is like at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SyncConditions {
    /// Its network.
    pub network: NetworkKind,
    /// Whether the system calls the battery low.
    pub battery_low: bool,
}

/// A network, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NetworkKind {
    /// There is none.
    None,
    /// It costs.
    Metered,
    /// It costs nothing.
    Unmetered,
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A request that puts an item on the server.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct UploadRequest {
    /// The item, to report on.
    pub id: String,
    /// `PUT`.
    pub method: String,
    /// To be added to the server's address.
    pub path: String,
    /// The token among them.
    pub headers: Vec<HttpHeader>,
    /// The item.
    pub body: Vec<u8>,
}

/// A request that asks for new SKUs.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct DownloadRequest {
    /// `GET`.
    pub method: String,
    /// To be added to the server's address.
    pub path: String,
    /// The token among them.
    pub headers: Vec<HttpHeader>,
}

/// What has to change before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum HoldReason {
    /// There is no token: `setToken`.
    NoToken,
    /// The server refused the token: a new one is needed.
    TokenRejected,
    /// There is no network.
    NoNetwork,
    /// What waits is not for a network that costs.
    Metered,
    /// The battery is low.
    BatteryLow,
    /// All that waits is being sent.
    Sending,
}

/// What to send next.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum NextUpload {
    /// This; then `report`.
    Ready {
        /// The request.
        request: UploadRequest,
    },
    /// Nothing before this time, Unix time in milliseconds.
    Wait {
        /// When to call again.
        until: u64,
    },
    /// Something has to change first.
    Held {
        /// What.
        reason: HoldReason,
    },
    /// Nothing: all is sent.
    Nothing,
}

/// Whether to ask for new SKUs.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum NextDownload {
    /// With this; then `reportDownload`.
    Ready {
        /// The request.
        request: DownloadRequest,
    },
    /// Not before this time, Unix time in milliseconds.
    Wait {
        /// When to call again.
        until: u64,
    },
    /// Something has to change first.
    Held {
        /// What.
        reason: HoldReason,
    },
    /// Never: the settings have no public key.
    Nothing,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum HttpOutcome {
    /// An answer came, whole.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`, if there is one.
        retry_after: Option<String>,
        /// The body; its first 64 KiB will do where the status is not 200.
        body: Vec<u8>,
    },
    /// No answer came, or only a part of one.
    Failed {
        /// Why.
        reason: String,
    },
    /// The system called the request off.
    Aborted,
}

/// What the answer for new SKUs was.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum DownloadResult {
    /// The phone knows all that the office knows.
    UpToDate,
    /// The SKUs are changed, on disk and for the next scan.
    Applied {
        /// The bundle as it is now.
        bundle: BundleInfo,
        /// SKUs that are known now.
        added: Vec<String>,
        /// SKUs that were known, whose pictures or name are others now.
        changed: Vec<String>,
        /// SKUs that are gone.
        removed: Vec<String>,
        /// SKUs that only this phone knows.
        own: Vec<String>,
    },
    /// Nothing was changed. Where the change didn't fit, the whole is asked for next.
    NotApplied {
        /// Why.
        reason: String,
    },
    /// What the phone has can't be changed to what the office has: a new bundle is needed.
    NewBundleNeeded {
        /// The server's words.
        reason: String,
    },
    /// The server refused the token.
    TokenRejected,
    /// Later.
    Later {
        /// From when on, Unix time in milliseconds.
        until: u64,
        /// Why.
        reason: String,
    },
}

#[uniffi::export]
impl ReviewQueue {
    /// The token for the server, kept in memory only: give it after each start.
    pub fn set_token(&self, token: Option<String>) {
        self.queue.set_token(token);
    }

    /// The next item to send under these conditions; calling again before reporting gives another, so several can be sent at a
    /// time. What was handed out before the process ended is handed out again.
    pub fn next_upload(&self, now: u64, conditions: SyncConditions) -> Result<NextUpload, ShelfscanError> {
        Ok(match self.queue.next_upload(now, conditions.into())? {
            Next::Ready(upload) => NextUpload::Ready { request: upload.into() },
            Next::Wait { until } => NextUpload::Wait { until },
            Next::Held(hold) => NextUpload::Held { reason: hold.into() },
            Next::Nothing => NextUpload::Nothing,
        })
    }

    /// Says that the system still sends these items for a process before this one (a background session): they are not handed
    /// out until they are reported on.
    pub fn mark_sending(&self, ids: Vec<String>) -> Result<(), ShelfscanError> {
        let ids = ids.iter().map(|id| parse_id(id)).collect::<Result<Vec<_>, _>>()?;
        self.queue.mark_sending(ids);
        Ok(())
    }

    /// Takes the answer for an item and gives what became of it. Reporting twice does no harm.
    pub fn report(&self, id: String, outcome: HttpOutcome, now: u64) -> Result<QueuedItem, ShelfscanError> {
        Ok(self.queue.report(parse_id(&id)?, &outcome.into(), now)?.into())
    }

    /// Whether to ask for new SKUs, and how.
    pub fn next_download(
        &self,
        scanner: Arc<Scanner>,
        now: u64,
        conditions: SyncConditions,
    ) -> Result<NextDownload, ShelfscanError> {
        let (index, embedder) = scanner.with(|scanner| Ok(scanner.bundle().office()))?;
        Ok(match self.queue.next_download(now, conditions.into(), index, embedder)? {
            Next::Ready(download) => NextDownload::Ready { request: download.into() },
            Next::Wait { until } => NextDownload::Wait { until },
            Next::Held(hold) => NextDownload::Held { reason: hold.into() },
            Next::Nothing => NextDownload::Nothing,
        })
    }

    /// Takes the answer for new SKUs: checks its signature and changes the SKUs, all or nothing. Waits for the scans in progress.
    pub fn report_download(
        &self,
        scanner: Arc<Scanner>,
        outcome: HttpOutcome,
        now: u64,
    ) -> Result<DownloadResult, ShelfscanError> {
        Ok(match self.queue.report_download(&outcome.into(), now)? {
            Downloaded::UpToDate => DownloadResult::UpToDate,
            Downloaded::Delta(delta) => {
                let (applied, bundle) = scanner.change(|catalogue| Ok(catalogue.apply(&delta)))?;
                match applied {
                    Ok(applied) => DownloadResult::Applied {
                        bundle,
                        added: applied.added,
                        changed: applied.changed,
                        removed: applied.removed,
                        own: applied.own,
                    },
                    Err(fault) => {
                        if fault.is_mended_by_the_whole() {
                            self.queue.ask_for_whole()?;
                        }
                        DownloadResult::NotApplied { reason: fault.to_string() }
                    }
                }
            }
            Downloaded::Never(reason) => DownloadResult::NewBundleNeeded { reason },
            Downloaded::Unbelievable(error) => DownloadResult::NotApplied { reason: error.to_string() },
            Downloaded::TokenRejected => DownloadResult::TokenRejected,
            Downloaded::Later { until, why } => DownloadResult::Later { until, reason: why },
        })
    }
}

impl From<SyncConditions> for Conditions {
    fn from(SyncConditions { network, battery_low }: SyncConditions) -> Self {
        let network = match network {
            NetworkKind::None => Network::None,
            NetworkKind::Metered => Network::Metered,
            NetworkKind::Unmetered => Network::Unmetered,
        };
        Self { network, battery_low }
    }
}

impl From<HttpOutcome> for Outcome {
    fn from(outcome: HttpOutcome) -> Self {
        match outcome {
            HttpOutcome::Answered { status, retry_after, body } => Self::Answered { status, retry_after, body },
            HttpOutcome::Failed { reason } => Self::Failed { reason },
            HttpOutcome::Aborted => Self::Aborted,
        }
    }
}

impl From<Hold> for HoldReason {
    fn from(hold: Hold) -> Self {
        match hold {
            Hold::NoToken => Self::NoToken,
            Hold::TokenRejected => Self::TokenRejected,
            Hold::NoNetwork => Self::NoNetwork,
            Hold::Metered => Self::Metered,
            Hold::BatteryLow => Self::BatteryLow,
            Hold::Sending => Self::Sending,
        }
    }
}

impl From<queue::Upload> for UploadRequest {
    fn from(upload: queue::Upload) -> Self {
        let queue::Upload { id, method, path, headers, body } = upload;
        Self { id: id.to_string(), method: method.into(), path, headers: named(headers), body }
    }
}

impl From<queue::Download> for DownloadRequest {
    fn from(queue::Download { method, path, headers }: queue::Download) -> Self {
        Self { method: method.into(), path, headers: named(headers) }
    }
}

fn named(headers: Vec<(String, String)>) -> Vec<HttpHeader> {
    headers.into_iter().map(|(name, value)| HttpHeader { name, value }).collect()
}

/// Without its value, which may be the token.
impl std::fmt::Debug for HttpHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}
