//! Where things are: the repository and its build folder.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The build folder this very program was built in, `target` unless configured otherwise: `target/PROFILE/xtask`.
pub(crate) fn target() -> PathBuf {
    let executable = std::env::current_exe().ok();
    executable.as_deref().and_then(|path| path.ancestors().nth(2)).map_or_else(|| root().join("target"), Path::to_owned)
}

/// Where programs and packages that the commands need are kept.
pub(crate) fn tools_folder() -> PathBuf {
    target().join("tools")
}
