//! Where the library's log lines go: logcat on Android, the unified log (subsystem `shelfscan`) on Apple's systems.

/// Lines of this level and above are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// What made a call fail.
    Error,
    /// What was worked around.
    Warn,
    /// What was opened, with which library.
    Info,
    /// How long each scan took.
    Debug,
}

impl From<LogLevel> for log::LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}

/// Writes log lines from now on. Elsewhere than on phones it has no effect. Calling it again changes the level alone.
#[uniffi::export]
pub fn start_logging(level: LogLevel) {
    #[cfg(target_os = "android")]
    android_logger::init_once(android_logger::Config::default().with_tag("shelfscan"));
    #[cfg(all(target_vendor = "apple", feature = "os-log"))]
    // A second logger is refused; the first goes on.
    let _ = oslog::OsLogger::new("shelfscan").init();
    log::set_max_level(level.into());
}
