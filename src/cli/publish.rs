//! The results of a run where others look for them: node_exporter's textfile, and a Pushgateway.

use super::exit::Failure;
use crate::event::SinkError;
use crate::export::metrics::{
    BuildInfo, Exposition, Pushgateway, Results, Slot, Source, SuiteSuccess, check_textfile, slots, write_textfile,
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
    /// A textfile that node_exporter would not read; what is no address of a Pushgateway.
    pub fn check(&self) -> Result<(), Failure> {
        self.textfile.as_deref().map_or(Ok(()), check_textfile).map_err(|e| Failure::Input(e.into()))?;
        self.push.as_deref().map_or(Ok(()), |url| Pushgateway::new(url).map(drop)).map_err(|e| Failure::Input(e.into()))
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
            push(url, suite, &slots, success.as_ref()).into_iter().for_each(|why| failed("push", why));
        }
        failures
    }
}

/// Puts the results, and that the suite is done where all were taken; what fails, in words.
fn push(url: &str, suite: &str, slots: &[Slot], success: Option<&SuiteSuccess>) -> Vec<String> {
    let gateway = match Pushgateway::new(url) {
        Ok(gateway) => gateway,
        Err(e) => return vec![e.to_string()],
    };
    let mut failures = gateway.put_all(suite, slots);
    if failures.is_empty() {
        failures.extend(success.and_then(|success| gateway.put_success(success).err()));
    }
    failures.iter().map(ToString::to_string).collect()
}
