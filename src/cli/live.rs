//! Metrics while a command runs: the endpoint, and the file by which Prometheus finds it.

use super::exit::Failure;
use super::talk;
use crate::export::metrics::{CONTENT_TYPE, Exposition, TargetsFile};
use crate::http::{Address, Exposure, Limits, Protection, Request, Response, Server};
use crate::telemetry::SlurmJob;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Where metrics are served, and how they are protected.
#[derive(Debug, Default, Args)]
pub struct ListenArgs {
    /// Serve metrics at ADDR/metrics meanwhile: a port of this machine (0: any), HOST:PORT, or unix:PATH
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<Address>,
    /// What surrounds the endpoint.
    #[command(flatten)]
    pub guard: GuardArgs,
}

/// What surrounds an endpoint.
#[derive(Debug, Default, Args)]
pub struct GuardArgs {
    /// TLS and basic auth for the metrics, from a web-config file of Prometheus' exporter-toolkit
    #[arg(long, value_name = "FILE")]
    pub web_config: Option<PathBuf>,
    /// Let other machines read the metrics although nothing protects them
    #[arg(long)]
    pub insecure_listen: bool,
    /// Name the endpoint in this file_sd file, where Prometheus looks for targets; removed at the end
    #[arg(long, value_name = "FILE.json")]
    pub targets: Option<PathBuf>,
}

/// An endpoint at work; it ends, and its file goes, when this is dropped.
#[derive(Debug)]
pub struct Live {
    /// Goes first: Prometheus should not be sent to an endpoint that is gone.
    _targets: Option<TargetsFile>,
    _server: Server,
}

impl ListenArgs {
    /// Serves `exposition` if asked, and says where on stderr unless `quiet`.
    ///
    /// # Errors
    /// As [`start`].
    pub fn start(&self, exposition: Arc<Exposition>, quiet: bool) -> Result<Option<Live>, Failure> {
        let Some(address) = &self.listen else {
            if self.guard.targets.is_some() || self.guard.web_config.is_some() {
                return Err(Failure::Input("--targets and --web-config need --listen".into()));
            }
            return Ok(None);
        };
        start(address, &self.guard, quiet, move |request| match request.path.as_str() {
            "/" => Response::ok("text/html; charset=utf-8", INDEX.as_bytes()),
            _ => answer(request, &exposition),
        })
        .map(Some)
    }
}

/// What there is where no report is.
const INDEX: &str = "<!DOCTYPE html><title>ndbench</title><h1>ndbench</h1><p><a href=\"metrics\">Metrics</a>\n";

/// Answers for `/metrics` and `/-/ready`.
pub fn answer(request: &Request, exposition: &Exposition) -> Response {
    match request.path.as_str() {
        "/metrics" => Response::ok(CONTENT_TYPE, exposition.page()),
        "/-/ready" | "/-/healthy" => Response::line(200, "ready"),
        _ => Response::not_found(),
    }
}

/// Serves `handler` at `address` and says where on stderr unless `quiet`.
///
/// # Errors
/// An address that other machines reach without protection, files that cannot be used, an address that is taken.
pub fn start(
    address: &Address,
    guard: &GuardArgs,
    quiet: bool,
    handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> Result<Live, Failure> {
    let input = |e: Box<dyn std::error::Error + Send + Sync>| Failure::Input(e);
    let protection = Protection::of(address, guard.web_config.as_deref(), guard.insecure_listen);
    let protection = protection.map_err(|e| input(e.into()))?;
    let server = Server::start(address, protection, Limits::default(), handler)
        .map_err(|e| Failure::Machine(format!("cannot listen at {address}: {e}")))?;
    if guard.targets.is_some() && SlurmJob::here().some().is_some() && server.address().exposure() == Exposure::Machine
    {
        // Talk that nobody can read is no reason not to begin.
        let _ = talk::say(
            "warning: --targets names a port of this node alone, where no Prometheus of the cluster can scrape it; give --listen an address of the network, and --web-config",
        );
    }
    let targets = guard.targets.as_ref().map(|path| TargetsFile::write(path, &server, &SlurmJob::here()));
    let targets = targets.transpose().map_err(|e| Failure::File(e.into()))?;
    if !quiet {
        // As above.
        let _ = talk::say(&format!("metrics: {}", server.describe("/metrics")));
    }
    Ok(Live { _targets: targets, _server: server })
}
