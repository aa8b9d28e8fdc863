//! What comes back: a signed change of the SKUs.
//!
//! Owns when to ask for one and whom to believe. Applying it is `shelfscan`'s `Catalogue`.

use serde::{Deserialize, Serialize};
use shelfscan_protocol::http::{DELTA_TYPE, delta_path};
use shelfscan_protocol::{Delta, DeltaError, Sha256};

use crate::backoff;
use crate::outcome::Meaning;
use crate::queue::Token;
use crate::sync::{Hold, Rest, failed, worked};
use crate::{Conditions, MeteredUse, Network, Next, Outcome, Queue, QueueError};

/// A request that asks for a change of the SKUs.
#[derive(Clone, PartialEq, Eq)]
pub struct Download {
    /// `GET`.
    pub method: &'static str,
    /// To be added to the server's address.
    pub path: String,
    /// Names and values, the token among them.
    pub headers: Vec<(String, String)>,
}

/// What the answer was.
#[derive(Clone, Debug, PartialEq)]
pub enum Downloaded {
    /// The phone knows all that the office knows.
    UpToDate,
    /// A change to apply, its signature found good.
    Delta(Box<Delta>),
    /// The office has moved on: what the phone has can't be changed to it. The server's words.
    Never(String),
    /// The document is not to be believed. It was thrown away.
    Unbelievable(DeltaError),
    /// The server refused the token.
    TokenRejected,
    /// Later, from this time on (Unix, ms), and why.
    Later {
        /// When.
        until: u64,
        /// Why.
        why: String,
    },
}

/// When was asked last, and whether the whole index is wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Asked {
    at: u64,
    whole: bool,
}

/// No index has this SHA-256: asked for what is new since, the server sends all.
const NO_INDEX: Sha256 = Sha256([0; 32]);

impl Queue {
    /// The question for new SKUs, when it is time for it. `index` is the SHA-256 of the index that came from the office last,
    /// `embedder` that of the bundle's embedder.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn next_download(
        &self,
        now: u64,
        conditions: Conditions,
        index: Sha256,
        embedder: Sha256,
    ) -> Result<Next<Download>, QueueError> {
        self.with(|rows, inner| {
            if self.settings.keys.is_empty() {
                return Ok(Next::Nothing);
            }
            if let Some(hold) = self.hold(inner, conditions) {
                return Ok(Next::Held(hold));
            }
            let rules = &self.settings.sync;
            if conditions.network == Network::Metered && rules.metered != MeteredUse::Everything {
                return Ok(Next::Held(Hold::Metered));
            }
            let Rest { not_before, .. } = rows.fact("downloads")?;
            let Asked { at, whole } = rows.fact("asked")?;
            let index = if whole { NO_INDEX } else { index };
            let until = not_before.max(if at == 0 { 0 } else { at.saturating_add(rules.ask_every) });
            if !backoff::over(not_before, now) || (at <= now && until > now) {
                return Ok(Next::Wait { until });
            }
            let headers = [("Accept".into(), DELTA_TYPE.into())].into_iter().chain(inner.authorization()).collect();
            Ok(Next::Ready(Download { method: "GET", path: delta_path(index, embedder), headers }))
        })
    }

    /// Has the next question ask for the whole index, at once: for when a delta could not be applied.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn ask_for_whole(&self) -> Result<(), QueueError> {
        self.with(|rows, _| rows.set_fact("asked", &Asked { at: 0, whole: true }))
    }

    /// Takes the answer. Of a document that none of the settings' keys signed nothing is read.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn report_download(&self, outcome: &Outcome, now: u64) -> Result<Downloaded, QueueError> {
        self.with(|rows, inner| {
            let answer = match outcome {
                Outcome::Answered { status: 204, .. } => Some(Downloaded::UpToDate),
                Outcome::Answered { status: 200, body, .. } => match Delta::verify(body, &self.settings.keys) {
                    Ok(delta) => Some(Downloaded::Delta(Box::new(delta))),
                    Err(error) => {
                        failed(rows, "downloads", error.to_string(), None, now)?;
                        return Ok(Downloaded::Unbelievable(error));
                    }
                },
                _ => None,
            };
            if let Some(answer) = answer {
                worked(rows, "downloads")?;
                rows.set_fact("asked", &Asked { at: now, whole: false })?;
                return Ok(answer);
            }
            Ok(match outcome.of_any() {
                Meaning::Never(_, error) => {
                    worked(rows, "downloads")?;
                    rows.set_fact("asked", &Asked { at: now, whole: false })?;
                    Downloaded::Never(error.message)
                }
                Meaning::Token => {
                    inner.token = Token::Rejected;
                    Downloaded::TokenRejected
                }
                Meaning::Later(why, retry_after) => {
                    let until = failed(rows, "downloads", why.clone(), retry_after, now)?;
                    Downloaded::Later { until, why }
                }
                Meaning::Done | Meaning::Nothing => {
                    Downloaded::Later { until: now, why: "the question was called off".into() }
                }
            })
        })
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Download({} {})", self.method, self.path)
    }
}
