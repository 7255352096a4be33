//! The results of a run where others look for them: node_exporter's textfile, and a Pushgateway.

use super::exit::Failure;
use crate::event::SinkError;
use crate::export::metrics::{
    BuildInfo, Exposition, Pushgateway, Results, Source, SuiteSuccess, check_textfile, slots, write_textfile,
};
use crate::record::Record;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the results go at the end.
#[derive(Debug, Default, Args)]
pub struct PublishArgs {
    /// At the end, write the results as metrics into this file of node_exporter's textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub textfile: Option<PathBuf>,
    /// At the end, put the results into the Pushgateway at this address, a group for each configuration
    #[arg(long, value_name = "URL")]
    pub push: Option<String>,
}

impl PublishArgs {
    /// Finds out before a long run what could not be written after it.
    ///
    /// # Errors
    /// A textfile that node_exporter would not read.
    pub fn check(&self) -> Result<(), Failure> {
        self.textfile.as_deref().map_or(Ok(()), check_textfile).map_err(|e| Failure::Input(e.into()))
    }

    /// Nothing is published.
    pub fn is_empty(&self) -> bool {
        self.textfile.is_none() && self.push.is_none()
    }

    /// Publishes what `records` say of `suite`, and whether it is done in full. Each failure is one of the result.
    pub fn publish(&self, suite: &str, records: &[Record], done: bool) -> Vec<SinkError> {
        let slots = slots(records);
        let now = jiff::Timestamp::now().as_millisecond() as f64 / 1e3;
        let success = done.then(|| SuiteSuccess { suite: suite.into(), at: now });
        let mut failures = Vec::new();
        let mut failed = |sink: &str, what: String| failures.push(SinkError { sink: sink.into(), what });
        if let Some(path) = &self.textfile {
            let mut sources: Vec<Arc<dyn Source>> = vec![Arc::new(BuildInfo), Arc::new(Results(slots.clone()))];
            sources.extend(success.clone().map(|s| Arc::new(s) as Arc<dyn Source>));
            if let Err(e) = write_textfile(path, &Exposition::new(sources)) {
                failed("textfile", e.to_string());
            }
        }
        if let Some(url) = &self.push {
            let gateway = Pushgateway::new(url);
            // One that cannot be reached is tried once, not for every configuration.
            let put = slots.iter().try_for_each(|slot| gateway.put(suite, slot));
            if let Err(e) = put.and_then(|()| success.iter().try_for_each(|s| gateway.put_success(s))) {
                failed("push", e.to_string());
            }
        }
        failures
    }
}
