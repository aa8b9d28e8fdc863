//! Writes the Kotlin and Swift sides of the library's functions.

fn main() {
    uniffi::uniffi_bindgen_main();
}
