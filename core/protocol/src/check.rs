//! The limits of single fields, each fault named by its field.

use std::fmt::Display;

/// A field that is not as PROTOCOL.md has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Fault {
    /// The field, such as `facing.box`.
    pub field: String,
    /// What it is and what it must be.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, reason: impl Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }
}

/// Text of 1 to `max` bytes without control characters.
pub(crate) fn text(field: &str, text: &str, max: usize) -> Result<(), Fault> {
    if text.is_empty() || text.len() > max {
        return Err(Fault::new(field, format_args!("{} bytes, 1 to {max} are allowed", text.len())));
    }
    match text.chars().find(|letter| letter.is_control()) {
        Some(letter) => Err(Fault::new(field, format_args!("holds the control character {letter:?}"))),
        None => Ok(()),
    }
}

/// Digits of an EAN or UPC.
pub(crate) fn barcode(field: &str, digits: &str) -> Result<(), Fault> {
    if !(6..=18).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Fault::new(field, "6 to 18 digits are needed"));
    }
    Ok(())
}

/// A number in a range; NaN is in none.
pub(crate) fn number(field: &str, found: f32, low: f32, high: f32) -> Result<(), Fault> {
    if (low..=high).contains(&found) {
        Ok(())
    } else {
        Err(Fault::new(field, format_args!("{found}, allowed are {low} to {high}")))
    }
}

/// At most `max` of something.
pub(crate) fn count(field: &str, found: usize, max: usize) -> Result<(), Fault> {
    if found <= max { Ok(()) } else { Err(Fault::new(field, format_args!("{found}, at most {max} are allowed"))) }
}

/// A box with an area that lies on a picture.
pub(crate) fn rect(field: &str, rect: [f32; 4], (width, height): (u32, u32)) -> Result<(), Fault> {
    let [left, top, right, bottom] = rect;
    let inside = left >= 0.0 && top >= 0.0 && right <= width as f32 && bottom <= height as f32;
    if inside && left < right && top < bottom {
        Ok(())
    } else {
        let reason = format!("{rect:?} is no box with an area on a picture of {width}x{height} pixels");
        Err(Fault::new(field, reason))
    }
}
