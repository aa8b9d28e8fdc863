// swift-tools-version: 6.0
// An app of one target, which Xcode opens as it is. `drinks` is the bundle, copied here: see ../README.md.

import AppleProductTypes
import PackageDescription

let package = Package(
    name: "ShelfScanSample",
    platforms: [.iOS("16.0")],
    products: [
        .iOSApplication(
            name: "ShelfScanSample",
            targets: ["ShelfScanSample"],
            bundleIdentifier: "dev.shelfscan.sample",
            displayVersion: "1.0",
            bundleVersion: "1",
            appIcon: .placeholder(icon: .box),
            accentColor: .presetColor(.blue),
            supportedDeviceFamilies: [.phone, .pad],
            supportedInterfaceOrientations: [.portrait, .landscapeLeft, .landscapeRight],
            capabilities: [.camera(purposeString: "Photos of shelves are counted on this phone.")]
        )
    ],
    dependencies: [.package(path: "../..")],
    targets: [
        .executableTarget(
            name: "ShelfScanSample",
            dependencies: [.product(name: "ShelfScan", package: "ios")],
            path: ".",
            resources: [.copy("drinks")]
        )
    ],
    swiftLanguageModes: [.v6]
)
