//! Figures of a running server, as Prometheus reads them.
//!
//! Owns their names. Refuses anything that grows with what is sent: labels are routes, statuses and roles alone.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The figures. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Items by what became of them: `stored`, `known`, `refused`.
    pub items: IntCounterVec,
    /// Opinions of reviewers.
    pub labels: IntCounter,
    /// Photos by what became of them: `recognised`, `refused`, `busy`.
    pub photos: IntCounterVec,
    /// Photos that are being recognised or wait for it.
    pub recognitions: IntGauge,
    /// Items by state, as of the last time they were counted.
    pub queue: IntGaugeVec,
    /// Connections open.
    pub connections: IntGauge,
}

impl Metrics {
    /// All figures at 0.
    ///
    /// # Errors
    /// None that the names here allow.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let requests = counters("shelfscan_requests_total", "Requests answered.", &["method", "route", "status"])?;
        let items = counters("shelfscan_items_total", "Items sent by phones, by what became of them.", &["outcome"])?;
        let photos = counters("shelfscan_photos_total", "Photos to recognise, by what became of them.", &["outcome"])?;
        let recognitions = gauge("shelfscan_recognitions", "Photos that are being recognised or wait for it.")?;
        let connections = gauge("shelfscan_connections", "Connections open.")?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
        let opts = HistogramOpts::new("shelfscan_request_seconds", "Time from a request's head to its answer's.");
        let seconds = HistogramVec::new(opts.buckets(buckets), &["route"])?;
        let queue = IntGaugeVec::new(Opts::new("shelfscan_queue_items", "Items by state."), &["state"])?;
        let labels = IntCounter::new("shelfscan_labels_total", "Opinions of reviewers.")?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(queue.clone()))?;
        registry.register(Box::new(labels.clone()))?;
        Ok(Self { registry, requests, seconds, items, labels, photos, recognitions, queue, connections })
    }

    /// Counts an answer.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// All figures in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    /// None that the figures here allow.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
