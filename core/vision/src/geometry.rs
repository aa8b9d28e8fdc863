//! The one box type, in pixels, and the overlaps between boxes.
//!
//! Owns area, intersection, IoU and the moves a box makes on its way from tensor to photo. Refuses: classes, scores, rounding
//! to whole pixels.

/// An axis-aligned box. `left <= right` and `top <= bottom`; the right and bottom edges are exclusive, so `width` is
/// `right - left`. Unless said otherwise the unit is one upright pixel of the photo.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Right edge, exclusive.
    pub right: f32,
    /// Bottom edge, exclusive.
    pub bottom: f32,
}

impl Rect {
    /// The box between two corners.
    pub fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self { left, top, right, bottom }
    }

    /// A whole picture of `width` x `height` pixels.
    pub fn of_size(width: u32, height: u32) -> Self {
        Self::new(0.0, 0.0, width as f32, height as f32)
    }

    /// Width, never negative.
    pub fn width(&self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// Height, never negative.
    pub fn height(&self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// Area in square pixels; zero for an empty box.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Centre, `(x, y)`.
    pub fn centre(&self) -> (f32, f32) {
        ((self.left + self.right) * 0.5, (self.top + self.bottom) * 0.5)
    }

    /// Area shared with `other`.
    pub fn intersection(&self, other: &Rect) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union, 0..=1; 0 where both are empty.
    pub fn iou(&self, other: &Rect) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The share of this box's own area that lies inside `other`, 0..=1.
    pub fn share_inside(&self, other: &Rect) -> f32 {
        let area = self.area();
        if area > 0.0 { self.intersection(other) / area } else { 0.0 }
    }

    /// The part of this box that lies inside `bounds`.
    pub fn clipped(&self, bounds: &Rect) -> Rect {
        let left = self.left.clamp(bounds.left, bounds.right);
        let top = self.top.clamp(bounds.top, bounds.bottom);
        Rect::new(left, top, self.right.clamp(left, bounds.right), self.bottom.clamp(top, bounds.bottom))
    }

    /// This box grown on each side by `margin` of its own width (left, right) and height (top, bottom).
    pub fn grown(&self, margin: f32) -> Rect {
        let (dx, dy) = (self.width() * margin, self.height() * margin);
        Rect::new(self.left - dx, self.top - dy, self.right + dx, self.bottom + dy)
    }
}
