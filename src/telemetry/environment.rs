//! The environment of a result: everything about the machine and the software that its times depend on.

use crate::files::sha256_hex;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// Where a result was produced. Results of different environments are never pooled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine.
    pub host: Host,
    /// Versions.
    pub software: Software,
    /// What computes.
    pub device: Device,
    /// Threads libtorch uses for one operation.
    pub threads: u32,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its network name.
    pub name: String,
    /// Operating system and kernel.
    pub os: String,
    /// CPU model.
    pub cpu: String,
    /// Logical cores this process may use.
    pub cores: u32,
    /// Main memory.
    pub memory: Bytes,
}

/// Versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// This program.
    pub ndbench: String,
    /// The commit it was built from, with `-dirty` where files had changed; `unknown` outside a checkout.
    pub commit: String,
    /// libtorch.
    pub libtorch: String,
}

/// What computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Device {
    /// The host's CPU.
    Cpu,
    /// A CUDA device.
    Cuda(Cuda),
}

/// A CUDA device; absent values could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cuda {
    /// Number among the visible devices.
    pub index: u32,
    /// Model.
    pub name: Option<String>,
    /// Unique identifier.
    pub uuid: Option<String>,
    /// Driver version.
    pub driver: Option<String>,
    /// CUDA version that the driver supports.
    pub cuda: Option<String>,
    /// cuDNN version.
    pub cudnn: Option<String>,
    /// Device memory.
    pub memory: Option<Bytes>,
}

/// What tells most environments apart; the rest would cost more to hash than to compare.
impl Hash for Environment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.name.hash(state);
        self.software.commit.hash(state);
        self.threads.hash(state);
    }
}

impl Environment {
    /// 12 hexadecimal digits, equal where times may be compared: everything but the host's name and the commit.
    pub fn fingerprint(&self) -> String {
        let mut comparable = self.clone();
        comparable.host.name = String::new();
        comparable.software.commit = String::new();
        let canonical = serde_json::to_value(&comparable).expect("an environment is plain data").to_string();
        sha256_hex(canonical.as_bytes())[..12].into()
    }
}
