// swift-tools-version: 6.0
// One manifest for three places: this folder as a local package, a repository whose root is a copy of this folder, and a
// repository that has a copy of this file at its root and the folder beside it as `ios/`.

import Foundation
import PackageDescription

/// The published library: set both when a release is cut (`build-xcframework.sh` prints them). While unset, the library is the one
/// that `build-xcframework.sh` made on this Mac.
let published: (url: String, checksum: String)? = nil

let isFolderBeside = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/ios/Sources/ShelfScan")
let base = isFolderBeside ? "ios/" : ""

#if os(Linux)
// For the tests alone: the library is found by `-L`, and Core Video is a stand-in.
let library: [Target] = [
    .systemLibrary(name: "ShelfScanFFI", path: base + "Sources/ShelfScanFFI"),
    .target(name: "CoreVideo", path: base + "Tests/StandIns/CoreVideo"),
]
#else
let library: [Target] =
    if let published {
        [.binaryTarget(name: "ShelfScanFFI", url: published.url, checksum: published.checksum)]
    } else {
        [.binaryTarget(name: "ShelfScanFFI", path: base + "Frameworks/ShelfScanFFI.xcframework")]
    }
#endif

let package = Package(
    name: "ShelfScan",
    platforms: [.iOS(.v15)],
    products: [.library(name: "ShelfScan", targets: ["ShelfScan"])],
    targets: library + [
        .target(
            name: "ShelfScan",
            dependencies: library.map { .byName(name: $0.name) },
            path: base + "Sources/ShelfScan",
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
        .testTarget(name: "ShelfScanTests", dependencies: ["ShelfScan"], path: base + "Tests/ShelfScanTests"),
    ],
    swiftLanguageModes: [.v6]
)
