//! vision.

