#!/usr/bin/env bash
# Builds Frameworks/ShelfScanFFI.xcframework: the library for devices (arm64) and simulators (arm64, x86_64), with TensorFlow Lite linked
# in. Needs a Mac with Xcode 16, Rust with the three targets below, and TensorFlowLiteC.xcframework (the CocoaPods pod TensorFlowLiteC,
# 2.14 or a later 2.x).
#
#     ios/build-xcframework.sh path/to/TensorFlowLiteC.xcframework
#     ios/build-xcframework.sh --exports        # only the symbols that the library will export
#
# A framework, and not the bare archive: an app's own symbols are stripped, those of a framework stay, and the library looks for
# TensorFlow Lite's functions by their names when it is opened.
set -euo pipefail

ios=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$ios/.." && pwd)
name=ShelfScanFFI
oldest=15.0

# What Swift calls, and what the library looks for by name.
exports() {
    grep -oE '\b(uniffi|ffi)_shelfscan_ffi_[a-z0-9_]+' "$ios/Sources/$name/$name.h"
    grep -oE '= TfLite[A-Za-z]+' "$root/core/tflite/src/ffi.rs" | cut -c3-
}

if [ "${1-}" = --exports ]; then
    exports | LC_ALL=C sort -u
    exit
fi
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
    echo "usage: $0 TensorFlowLiteC.xcframework, or --exports" >&2
    exit 2
fi
if [ "$(uname)" != Darwin ]; then
    echo "$0: an XCFramework is built on a Mac with Xcode" >&2
    exit 1
fi
tensorflow=$(cd "$1" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exports | LC_ALL=C sort -u | sed 's/^/_/' > "$work/exports.txt"

# TensorFlow Lite's archive for one slice: device or simulator.
archive() {
    local found
    found=$(find "$tensorflow" -path "$1" -name TensorFlowLiteC -type f | head -n 1)
    if [ -z "$found" ]; then
        echo "$0: $tensorflow has no slice like $1" >&2
        exit 1
    fi
    if file "$found" | grep -q 'dynamically linked'; then
        echo "$0: $found is a dynamic library; the static TensorFlowLiteC of the pod is needed" >&2
        exit 1
    fi
    echo "$found"
}

# Links one architecture: Rust target, SDK, clang's target, TensorFlow Lite's archive.
link() {
    local target=$1 sdk=$2 triple=$3 tflite=$4
    (cd "$root" && IPHONEOS_DEPLOYMENT_TARGET=$oldest cargo rustc --release --locked --package shelfscan-bindings --lib \
        --crate-type staticlib --target "$target")
    # Each exported symbol is asked for by name (-u), so that it is taken out of the archives.
    xcrun --sdk "$sdk" clang -dynamiclib -target "$triple" \
        -install_name "@rpath/$name.framework/$name" -o "$work/$target" \
        -Wl,-exported_symbols_list,"$work/exports.txt" -Wl,-dead_strip \
        $(sed 's/^/-Wl,-u,/' "$work/exports.txt") \
        "$root/target/$target/release/libshelfscan_ffi.a" "$tflite" \
        -framework Foundation -framework Accelerate -lc++
    xcrun strip -x "$work/$target"
}

# Makes a framework of the linked architectures: folder, platform's name, files.
framework() {
    local folder=$1 platform=$2
    shift 2
    mkdir -p "$folder/Headers" "$folder/Modules"
    lipo -create "$@" -output "$folder/$name"
    cp "$ios/Sources/$name/$name.h" "$folder/Headers/"
    cp "$ios/Sources/ShelfScan/PrivacyInfo.xcprivacy" "$folder/"
    cat > "$folder/Modules/module.modulemap" <<MAP
framework module $name {
    umbrella header "$name.h"
    export *
}
MAP
    cat > "$folder/Info.plist" <<PLIST
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>CFBundleExecutable</key><string>$name</string>
	<key>CFBundleIdentifier</key><string>dev.shelfscan.ffi</string>
	<key>CFBundleName</key><string>$name</string>
	<key>CFBundlePackageType</key><string>FMWK</string>
	<key>CFBundleShortVersionString</key><string>$version</string>
	<key>CFBundleVersion</key><string>1</string>
	<key>CFBundleSupportedPlatforms</key><array><string>$platform</string></array>
	<key>MinimumOSVersion</key><string>$oldest</string>
</dict>
</plist>
PLIST
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
device=$(archive '*/ios-arm64/*')
simulator=$(archive '*-simulator/*')
link aarch64-apple-ios iphoneos "arm64-apple-ios$oldest" "$device"
link aarch64-apple-ios-sim iphonesimulator "arm64-apple-ios$oldest-simulator" "$simulator"
link x86_64-apple-ios iphonesimulator "x86_64-apple-ios$oldest-simulator" "$simulator"
framework "$work/device/$name.framework" iPhoneOS "$work/aarch64-apple-ios"
framework "$work/simulator/$name.framework" iPhoneSimulator "$work/aarch64-apple-ios-sim" "$work/x86_64-apple-ios"

# Built beside, then put in place.
xcodebuild -create-xcframework -framework "$work/device/$name.framework" -framework "$work/simulator/$name.framework" \
    -output "$work/$name.xcframework"
(cd "$work" && ditto -c -k --sequesterRsrc --keepParent "$name.xcframework" "$name.xcframework.zip")
mkdir -p "$ios/Frameworks"
rm -rf "$ios/Frameworks/$name.xcframework"
mv "$work/$name.xcframework" "$work/$name.xcframework.zip" "$ios/Frameworks/"

checksum=$(swift package compute-checksum "$ios/Frameworks/$name.xcframework.zip")
ls -l "$ios/Frameworks/$name.xcframework.zip"
cat <<SAID
To publish it, upload the .zip and set in Package.swift:
    let published: (url: String, checksum: String)? = (url: "https://…/$name.xcframework.zip", checksum: "$checksum")
SAID
