//! What to send next, as data, and what became of it.
//!
//! Owns when an item may be sent and what each answer does to it. Refuses to send: whoever calls has the network.
//!
//! Each call of [`Queue::next_upload`] hands out another item, so calling it several times before reporting is a batch. What was
//! handed out and never answered for, because the process was killed, waits again when the queue is opened; sent twice it is the same
//! item, as it is named by its content.

use serde::{Deserialize, Serialize};
use shelfscan_protocol::Sha256;
use shelfscan_protocol::http::{ITEM_TYPE, item_path};

use crate::backoff;
use crate::entry::Eviction;
use crate::error::Fault;
use crate::outcome::Meaning;
use crate::queue::{Inner, Secret, Token, found};
use crate::rows::Rows;
use crate::{Conditions, Entry, MeteredUse, Network, Outcome, Queue, QueueError, State};

/// A request that puts an item on the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// The item, to report on.
    pub id: Sha256,
    /// `PUT`.
    pub method: &'static str,
    /// To be added to the server's address.
    pub path: String,
    /// Names and values, the token among them.
    pub headers: Vec<(String, String)>,
    /// The item.
    pub body: Vec<u8>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// This, and then report.
    Ready(T),
    /// Wait until this time, Unix time in milliseconds.
    Wait {
        /// When to call again.
        until: u64,
    },
    /// Something has to change first.
    Held(Hold),
    /// Nothing: all is done.
    Nothing,
}

/// What has to change before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// There is no token: [`Queue::set_token`].
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

/// Failures in a row and how long to rest for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) failures: u32,
    pub(crate) not_before: u64,
    pub(crate) why: String,
}

impl Queue {
    /// The token for the server, kept in memory only. None forgets it.
    pub fn set_token(&self, token: Option<String>) {
        self.inner().token = token.map_or(Token::None, |token| Token::Given(Secret(token)));
    }

    /// Says that the system is still sending these items, handed out before the process began: they are not handed out again
    /// until they are reported on.
    pub fn mark_sending(&self, ids: impl IntoIterator<Item = Sha256>) {
        self.inner().sending.extend(ids);
    }

    /// The next item to send under these conditions. Corrections go first, then what was accepted first.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn next_upload(&self, now: u64, conditions: Conditions) -> Result<Next<Upload>, QueueError> {
        self.with(|rows, inner| self.next(rows, inner, now, conditions))
    }

    fn next(
        &self,
        rows: &mut Rows<'_>,
        inner: &mut Inner,
        now: u64,
        conditions: Conditions,
    ) -> Result<Next<Upload>, Fault> {
        loop {
            let number = match self.next_number(rows, inner, now, conditions)? {
                Next::Ready(number) => number,
                Next::Wait { until } => return Ok(Next::Wait { until }),
                Next::Held(hold) => return Ok(Next::Held(hold)),
                Next::Nothing => return Ok(Next::Nothing),
            };
            // None where that one was damaged and is given up now.
            if let Some(upload) = self.upload(rows, inner, number, now)? {
                return Ok(Next::Ready(upload));
            }
        }
    }

    fn next_number(
        &self,
        rows: &Rows<'_>,
        inner: &Inner,
        now: u64,
        conditions: Conditions,
    ) -> Result<Next<u64>, Fault> {
        if rows.totals()?.waiting == 0 {
            return Ok(Next::Nothing);
        }
        if let Some(hold) = self.hold(inner, conditions) {
            return Ok(Next::Held(hold));
        }
        let Rest { not_before, .. } = rows.fact("uploads")?;
        if !backoff::over(not_before, now) {
            return Ok(Next::Wait { until: not_before });
        }
        let metered = conditions.network == Network::Metered;
        let mut soonest = None;
        let mut held = Hold::Sending;
        for class in [0, 1] {
            let Some((not_before, number)) = first_free(rows, inner, class)? else { continue };
            if metered && class == 1 && self.settings.sync.metered != MeteredUse::Everything {
                held = Hold::Metered;
            } else if backoff::over(not_before, now) {
                return Ok(Next::Ready(number));
            } else {
                soonest = Some(soonest.map_or(not_before, |soonest: u64| soonest.min(not_before)));
            }
        }
        Ok(soonest.map_or(Next::Held(held), |until| Next::Wait { until }))
    }

    /// What stands against any request at the moment.
    pub(crate) fn hold(&self, inner: &Inner, conditions: Conditions) -> Option<Hold> {
        let sync = &self.settings.sync;
        match (&inner.token, conditions.network) {
            (Token::Rejected, _) => Some(Hold::TokenRejected),
            (Token::None, _) => Some(Hold::NoToken),
            (_, Network::None) => Some(Hold::NoNetwork),
            (_, Network::Metered) if sync.metered == MeteredUse::Nothing => Some(Hold::Metered),
            _ if conditions.battery_low && !sync.on_low_battery => Some(Hold::BatteryLow),
            _ => None,
        }
    }

    /// The request for an item; gives up one whose bytes are not what was accepted.
    fn upload(&self, rows: &mut Rows<'_>, inner: &mut Inner, number: u64, now: u64) -> Result<Option<Upload>, Fault> {
        let entry = rows.entry(number)?;
        let Some(body) = rows.document(number)?.filter(|document| Sha256::of(document) == entry.id) else {
            let state = State::Evicted { at: now, why: Eviction::Damaged };
            rows.change(number, &entry, &Entry { state, ..entry.clone() })?;
            return Ok(None);
        };
        inner.sending.insert(entry.id);
        let headers = [("Content-Type".into(), ITEM_TYPE.into())].into_iter().chain(inner.authorization()).collect();
        Ok(Some(Upload { id: entry.id, method: "PUT", path: item_path(entry.id), headers, body }))
    }

    /// Takes the answer for an item that was handed out and gives what became of it. Reporting twice does no harm.
    ///
    /// # Errors
    /// [`QueueError::UnknownItem`], and those of the disk: then the item is sent again, which does no harm either.
    pub fn report(&self, id: Sha256, outcome: &Outcome, now: u64) -> Result<Entry, QueueError> {
        self.with(|rows, inner| {
            inner.sending.remove(&id);
            let number = found(rows, id)?;
            let before = rows.entry(number)?;
            let mut after = before.clone();
            match outcome.of_upload() {
                Meaning::Done => {
                    if !matches!(before.state, State::Sent { .. }) {
                        after.state = State::Sent { at: now };
                    }
                    worked(rows, "uploads")?;
                }
                _ if !matches!(before.state, State::Waiting { .. }) => {}
                Meaning::Never(status, error) => {
                    let message = format!("{} ({})", error.message, error.code);
                    after.state = State::Refused { at: now, status, message };
                    // The server is there and answers.
                    worked(rows, "uploads")?;
                }
                Meaning::Token => inner.token = Token::Rejected,
                Meaning::Later(why, retry_after) => {
                    let not_before = backoff::until(now, before.tries, &id.0, retry_after);
                    after.tries += 1;
                    after.state = State::Waiting { not_before, last_error: Some(why.clone()) };
                    failed(rows, "uploads", why, retry_after, now)?;
                }
                Meaning::Nothing => {}
            }
            if after != before {
                rows.change(number, &before, &after)?;
            }
            Ok(after)
        })
    }
}

impl Inner {
    pub(crate) fn authorization(&self) -> Option<(String, String)> {
        match &self.token {
            Token::Given(Secret(token)) => Some(("Authorization".into(), format!("Bearer {token}"))),
            Token::None | Token::Rejected => None,
        }
    }
}

/// The first of a class that is not being sent, with the time before which it may not be.
fn first_free(rows: &Rows<'_>, inner: &Inner, class: u8) -> Result<Option<(u64, u64)>, Fault> {
    for row in rows.due(class)? {
        let (not_before, number) = row?;
        if inner.sending.is_empty() || !inner.sending.contains(&rows.entry(number)?.id) {
            return Ok(Some((not_before, number)));
        }
    }
    Ok(None)
}

/// Forgets the failures of one kind of request.
pub(crate) fn worked(rows: &mut Rows<'_>, requests: &'static str) -> Result<(), Fault> {
    if rows.fact::<Rest>(requests)? == Rest::default() {
        return Ok(());
    }
    rows.set_fact(requests, &Rest::default())
}

/// Counts a failure of one kind of request and gives until when to rest.
pub(crate) fn failed(
    rows: &mut Rows<'_>,
    requests: &'static str,
    why: String,
    retry_after: Option<&str>,
    now: u64,
) -> Result<u64, Fault> {
    let Rest { failures, .. } = rows.fact(requests)?;
    let not_before = backoff::until(now, failures, requests.as_bytes(), retry_after);
    rows.set_fact(requests, &Rest { failures: failures.saturating_add(1), not_before, why })?;
    Ok(not_before)
}

/// What uploads rest for.
pub(crate) fn resting(rows: &Rows<'_>) -> Result<Option<(u64, String)>, Fault> {
    let Rest { failures, not_before, why } = rows.fact("uploads")?;
    Ok((failures > 0).then_some((not_before, why)))
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the headers: the token is not for logs.
        write!(f, "Upload({} {}, {} bytes)", self.method, self.path, self.body.len())
    }
}
