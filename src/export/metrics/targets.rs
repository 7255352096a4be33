//! A file of targets for Prometheus' file-based service discovery, by which it finds a run on a node of a cluster:
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config>.

use crate::files::write_atomic;
use crate::http::{Address, Server};
use crate::telemetry::{Host, SlurmJob};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A file of targets, gone when this is dropped.
#[derive(Debug)]
pub struct TargetsFile(PathBuf);

/// The file cannot be.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    /// Prometheus does not scrape Unix sockets.
    #[error("a file of targets needs a TCP address: Prometheus does not scrape {0}")]
    Unix(Address),
    /// Prometheus reads other files not.
    #[error("{}: a file of targets ends in .json", .0.display())]
    Name(PathBuf),
    /// It cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl TargetsFile {
    /// Writes `server` as a target into the file `path`, with the cluster as a label, and node and GPUs as the instance
    /// where Slurm says which. The job's number is a label for relabelling alone, since a series for every job would be
    /// too many: `__meta_ndbench_slurm_job_id`.
    ///
    /// # Errors
    /// [`TargetsError`].
    pub fn write(path: &Path, server: &Server, job: &SlurmJob) -> Result<Self, TargetsError> {
        if path.extension().is_none_or(|e| e != "json") {
            return Err(TargetsError::Name(path.into()));
        }
        let Address::Tcp(address) = server.address() else {
            return Err(TargetsError::Unix(server.address().clone()));
        };
        let mut labels = json!({"__scheme__": server.scheme()});
        for (key, value) in [("cluster", &job.cluster), ("__meta_ndbench_slurm_job_id", &job.id)] {
            if !value.is_empty() {
                labels[key] = value.as_str().into();
            }
        }
        // By its port every run would be an instance of its own; of the GPUs of a node each has one run at a time.
        if !job.gpus.is_empty() {
            labels["instance"] = format!("{}:gpu{}", Host::read().name, job.gpus).into();
        }
        let text = format!("{:#}\n", json!([{"targets": [reachable(*address)], "labels": labels}]));
        write_atomic(path, text.as_bytes()).map_err(|source| TargetsError::Write { path: path.into(), source })?;
        Ok(Self(path.into()))
    }
}

/// The address as others know it: every address of a host is reached by the host's name.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{}:{}", Host::read().name, address.port())
    } else {
        address.to_string()
    }
}

impl Drop for TargetsFile {
    fn drop(&mut self) {
        // Someone else may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Limits, Protection, Response};

    fn server(address: &str) -> Server {
        Server::start(&address.parse().unwrap(), Protection::default(), Limits::default(), |_| Response::not_found())
            .unwrap()
    }

    #[test]
    fn a_run_is_found_while_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("targets/run.json");
        let job = SlurmJob { cluster: "c1".into(), id: "42".into(), ..SlurmJob::default() };
        let local = server("0");
        let file = TargetsFile::write(&path, &local, &job).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let labels = json!({"__scheme__": "http", "cluster": "c1", "__meta_ndbench_slurm_job_id": "42"});
        assert_eq!(read, json!([{"targets": [local.address().to_string()], "labels": labels}]));
        drop(file);
        assert!(!path.exists());
        let file = TargetsFile::write(&path, &local, &SlurmJob { gpus: "0,3".into(), ..job.clone() }).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read[0]["labels"]["instance"], format!("{}:gpu0,3", Host::read().name));
        drop(file);
        let named = TargetsFile::write(&path.with_extension("txt"), &local, &job).unwrap_err();
        assert!(matches!(named, TargetsError::Name(_)));
        let socket = server(&format!("unix:{}", folder.path().join("s").display()));
        assert!(matches!(TargetsFile::write(&path, &socket, &job), Err(TargetsError::Unix(_))));
    }

    #[test]
    fn every_address_of_a_host_is_known_by_its_name() {
        assert_eq!(reachable("0.0.0.0:9".parse().unwrap()), format!("{}:9", Host::read().name));
        assert_eq!(reachable("[::1]:9".parse().unwrap()), "[::1]:9");
    }
}
