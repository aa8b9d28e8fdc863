// Owns where a photo's boxes are in the view that shows it. Pure geometry: no view, no screen.

import Foundation

/// Maps boxes of a scan, which are in upright pixels of the photo, to the points of a view that shows the photo, and taps back.
public struct OverlayMapping: Equatable, Sendable {
    /// How the photo fills the view.
    public enum ContentMode: Sendable {
        /// All of it is seen, centred, with bars beside or above it (`.scaledToFit()`, `.scaleAspectFit`, `.resizeAspect`).
        case fit
        /// It covers the view, centred, and is cut off (`.scaledToFill()`, `.scaleAspectFill`, `.resizeAspectFill`).
        case fill
    }

    /// How far the upright photo is turned, clockwise, where it is shown.
    public enum Turn: Int, CaseIterable, Sendable {
        case none = 0
        case quarter = 90
        case half = 180
        case threeQuarters = 270
    }

    private let photo: CGSize
    private let turn: Turn
    private let isMirrored: Bool
    /// Points of the view for each pixel of the photo.
    private let scale: CGFloat
    /// Where the shown photo's top left corner is in the view; outside of it where it is cut off.
    private let origin: CGPoint

    /// - Parameters:
    ///   - photoSize: the upright size, `width` and `height` of the scan; each more than 0.
    ///   - viewSize: the view's bounds.
    ///   - contentMode: how the photo fills the view.
    ///   - turn: how far the upright photo is turned where it is shown, as in a preview that doesn't turn with the phone.
    ///   - isMirrored: whether it is mirrored left to right where it is shown, as a front camera's preview is; after the turn.
    public init(
        photoSize: CGSize,
        viewSize: CGSize,
        contentMode: ContentMode = .fit,
        turn: Turn = .none,
        isMirrored: Bool = false
    ) {
        let shown =
            switch turn {
            case .none, .half: photoSize
            case .quarter, .threeQuarters: CGSize(width: photoSize.height, height: photoSize.width)
            }
        let across = viewSize.width / shown.width
        let down = viewSize.height / shown.height
        photo = photoSize
        self.turn = turn
        self.isMirrored = isMirrored
        scale =
            switch contentMode {
            case .fit: min(across, down)
            case .fill: max(across, down)
            }
        origin = CGPoint(x: (viewSize.width - shown.width * scale) / 2, y: (viewSize.height - shown.height * scale) / 2)
    }

    /// A mapping for the photo of a scan.
    public init(
        of result: ScanResult,
        viewSize: CGSize,
        contentMode: ContentMode = .fit,
        turn: Turn = .none,
        isMirrored: Bool = false
    ) {
        let size = CGSize(width: CGFloat(result.width), height: CGFloat(result.height))
        self.init(photoSize: size, viewSize: viewSize, contentMode: contentMode, turn: turn, isMirrored: isMirrored)
    }

    /// Where a point of the photo is in the view.
    public func point(forPhoto point: CGPoint) -> CGPoint {
        var turned =
            switch turn {
            case .none: point
            case .quarter: CGPoint(x: photo.height - point.y, y: point.x)
            case .half: CGPoint(x: photo.width - point.x, y: photo.height - point.y)
            case .threeQuarters: CGPoint(x: point.y, y: photo.width - point.x)
            }
        if isMirrored { turned.x = shownWidth - turned.x }
        return CGPoint(x: origin.x + turned.x * scale, y: origin.y + turned.y * scale)
    }

    /// Which point of the photo is shown at a point of the view; outside of the photo's bounds where the view shows none of it.
    public func photoPoint(for point: CGPoint) -> CGPoint {
        var turned = CGPoint(x: (point.x - origin.x) / scale, y: (point.y - origin.y) / scale)
        if isMirrored { turned.x = shownWidth - turned.x }
        return switch turn {
        case .none: turned
        case .quarter: CGPoint(x: turned.y, y: photo.height - turned.x)
        case .half: CGPoint(x: photo.width - turned.x, y: photo.height - turned.y)
        case .threeQuarters: CGPoint(x: photo.width - turned.y, y: turned.x)
        }
    }

    /// Where a facing's box is in the view.
    public func rect(for box: FacingBox) -> CGRect {
        let one = point(forPhoto: CGPoint(x: CGFloat(box.left), y: CGFloat(box.top)))
        let other = point(forPhoto: CGPoint(x: CGFloat(box.right), y: CGFloat(box.bottom)))
        return CGRect(x: min(one.x, other.x), y: min(one.y, other.y), width: abs(one.x - other.x), height: abs(one.y - other.y))
    }

    /// Which of `facings` was tapped: of the boxes around the point, the smallest.
    ///
    /// - Returns: its index in `facings`, or nil where there is none.
    public func index(of facings: [Facing], at point: CGPoint) -> Int? {
        let tapped = photoPoint(for: point)
        return facings.indices.filter { facings[$0].rect.contains(tapped) }.min { facings[$0].rect.area < facings[$1].rect.area }
    }

    private var shownWidth: CGFloat {
        switch turn {
        case .none, .half: photo.width
        case .quarter, .threeQuarters: photo.height
        }
    }
}

extension FacingBox {
    /// As a rectangle, in upright pixels of the photo.
    public var rect: CGRect {
        CGRect(x: CGFloat(left), y: CGFloat(top), width: CGFloat(right - left), height: CGFloat(bottom - top))
    }

    fileprivate func contains(_ point: CGPoint) -> Bool {
        rect.contains(point)
    }

    fileprivate var area: CGFloat {
        rect.width * rect.height
    }
}
