//! What came of a request, and what that means.
//!
//! Owns the reading of PROTOCOL.md's tables of answers. A sign-in page of a hotel's network answers too: an answer that can't come
//! from the server, as its body is a web page, is no answer.

use shelfscan_protocol::http::{ErrorBody, ErrorDetail};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came, whole.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The header `Retry-After`, if there is one.
        retry_after: Option<String>,
        /// The body, or its first 64 KiB where the status is not 200.
        body: Vec<u8>,
    },
    /// No answer came, or only a part of one.
    Failed {
        /// Why.
        reason: String,
    },
    /// The request was called off before its time, which is nobody's fault.
    Aborted,
}

/// What an answer means for what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// 2xx, or 409 where that means the same.
    Done,
    /// Never: status and reason.
    Never(u16, ErrorDetail),
    /// The token is not good.
    Token,
    /// Later: reason, `Retry-After`.
    Later(String, Option<&'a str>),
    /// Nothing happened.
    Nothing,
}

impl Outcome {
    /// What it means for an item that was put.
    pub(crate) fn of_upload(&self) -> Meaning<'_> {
        match self {
            Self::Answered { status: 200 | 201 | 204 | 409, body, .. } if is_ours(body) => Meaning::Done,
            other => other.of_any(),
        }
    }

    pub(crate) fn of_any(&self) -> Meaning<'_> {
        let (status, retry_after, body) = match self {
            Self::Answered { status, retry_after, body } => (*status, retry_after.as_deref(), body),
            Self::Failed { reason } => return Meaning::Later(reason.clone(), None),
            Self::Aborted => return Meaning::Nothing,
        };
        let named = serde_json::from_slice(body).map(|ErrorBody { error }| error).ok();
        match (status, named) {
            (401 | 403, _) => Meaning::Token,
            (408 | 425 | 429 | 500.., named) => {
                let reason = named.map_or_else(|| "try again later".into(), |error| error.message);
                Meaning::Later(format!("the server answered {status}: {reason}"), retry_after)
            }
            (400..500, Some(error)) => Meaning::Never(status, error),
            (413 | 415 | 422, None) => {
                let message = "refused without a reason".into();
                Meaning::Never(status, ErrorDetail { code: "refused".into(), message })
            }
            _ => Meaning::Later(
                format!(
                    "an answer {status} that is not the server's: check its address, and whether the network asks for a sign-in"
                ),
                retry_after,
            ),
        }
    }
}

fn is_ours(body: &[u8]) -> bool {
    body.trim_ascii().is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Outcome {
        Outcome::Answered { status, retry_after: None, body: body.into() }
    }

    #[test]
    fn every_status_has_one_meaning() {
        let named = r#"{"error": {"code": "bad_item", "message": "no"}}"#;
        let page = "<html>Welcome to the hotel</html>";
        for status in 100..=599 {
            for body in ["", "{}", named, page] {
                let outcome = answer(status, body);
                let meaning = match outcome.of_upload() {
                    Meaning::Done => "done",
                    Meaning::Never(..) => "never",
                    Meaning::Token => "token",
                    Meaning::Later(..) => "later",
                    Meaning::Nothing => "nothing",
                };
                let expected = match (status, body) {
                    (200 | 201 | 204 | 409, body) if body != page => "done",
                    (401 | 403, _) => "token",
                    (408 | 425 | 429, _) => "later",
                    (413 | 415 | 422, _) => "never",
                    (400..=499, body) if body == named => "never",
                    _ => "later",
                };
                assert_eq!(meaning, expected, "{status} {body}");
            }
        }
    }
}
