//! The environment of a result: everything about the machine and the software that its times depend on.

use crate::files::sha256_hex;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// What else changes times or the last bits: the CPU's own numbers, the kernels chosen for it, variables that are set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
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

/// To this many bytes memory is told apart: what a kernel keeps for itself at a start differs by a few pages.
const COARSE: u64 = 64 << 20;

/// The longest name of a device in a label.
const LONGEST: usize = 48;

impl Environment {
    /// Under which name [`Environment::settings`] has the vector instructions of libtorch's kernels.
    pub const CPU_CAPABILITY: &str = "cpu capability";

    /// The device's model and the fingerprint: `cpu-0123456789ab`, `nvidia-h200-0123456789ab`.
    pub fn label(&self) -> String {
        let device = match &self.device {
            Device::Cpu => "cpu".into(),
            Device::Cuda(cuda) => slug(cuda.name.as_deref().unwrap_or("cuda")),
        };
        format!("{device}-{}", self.fingerprint())
    }

    /// 12 hexadecimal digits, equal where times may be compared: everything but the host's name and the commit. Of a GPU
    /// with an identifier the number does not count; one without may be any of its host's, so the host's name does.
    pub fn fingerprint(&self) -> String {
        self.comparable().digest()
    }

    /// 12 hexadecimal digits, equal where measurements may be taken together: as [`Environment::fingerprint`], whichever GPU of a
    /// model it was.
    pub fn class(&self) -> String {
        let mut comparable = self.comparable();
        if let Device::Cuda(Cuda { uuid: uuid @ Some(_), .. }) = &mut comparable.device {
            *uuid = Some(String::new());
        }
        comparable.digest()
    }

    /// The identifier of its GPU, where it has one that is known.
    pub fn gpu(&self) -> Option<&str> {
        match &self.device {
            Device::Cuda(cuda) => cuda.uuid.as_deref(),
            Device::Cpu => None,
        }
    }

    /// Without what makes no other environment.
    fn comparable(&self) -> Self {
        let mut comparable = self.clone();
        comparable.software.commit = String::new();
        let Bytes(memory) = comparable.host.memory;
        comparable.host.memory = Bytes((memory + COARSE / 2) / COARSE * COARSE);
        match &mut comparable.device {
            Device::Cuda(Cuda { uuid: None, .. }) => {}
            Device::Cuda(known) => (known.index, comparable.host.name) = (0, String::new()),
            Device::Cpu => comparable.host.name = String::new(),
        }
        comparable
    }

    fn digest(&self) -> String {
        let canonical = serde_json::to_value(self).expect("an environment is plain data").to_string();
        sha256_hex(canonical.as_bytes())[..12].into()
    }
}

/// Lower-case letters, digits and single dashes.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let name = words.collect::<Vec<_>>().join("-").to_lowercase();
    name.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_become_parts_of_names() {
        assert_eq!(slug("NVIDIA H100 80GB  HBM3"), "nvidia-h100-80gb-hbm3");
    }

    fn on(host: &str, index: u32, uuid: Option<&str>) -> Environment {
        let (name, memory) = (Some("NVIDIA H200".into()), Some(Bytes(1)));
        let uuid = uuid.map(String::from);
        let device = Device::Cuda(Cuda { index, name, uuid, driver: None, cuda: None, cudnn: None, memory });
        Environment {
            host: Host { name: host.into(), os: "b".into(), cpu: "c".into(), cores: 1, memory: Bytes(1) },
            software: Software { ndbench: "d".into(), commit: host.into(), libtorch: "f".into() },
            device,
            threads: 1,
            settings: BTreeMap::new(),
        }
    }

    #[test]
    fn gpus_are_told_apart_by_their_identifier_alone() {
        let on = |host: &str, index: u32, uuid: Option<&str>| on(host, index, uuid).fingerprint();
        let known = on("a", 0, Some("GPU-1"));
        assert_eq!(known, on("b", 3, Some("GPU-1")), "CUDA_VISIBLE_DEVICES changes the number, not the device");
        assert_ne!(known, on("a", 0, Some("GPU-2")));
        assert_ne!(known, on("a", 0, None));
        assert_ne!(on("a", 0, None), on("b", 0, None), "nobody knows whether these are one device");
    }

    #[test]
    fn gpus_of_one_model_are_one_class_where_each_has_an_identifier() {
        let class = |host: &str, index: u32, uuid: Option<&str>| on(host, index, uuid).class();
        assert_eq!(class("a", 0, Some("GPU-1")), class("b", 3, Some("GPU-2")));
        assert_ne!(class("a", 0, None), class("b", 0, None));
        assert_ne!(class("a", 0, None), class("a", 0, Some("GPU-1")));
    }

    #[test]
    fn a_few_pages_of_memory_make_no_other_machine() {
        let with = |memory| {
            let host = Host { name: "a".into(), os: "b".into(), cpu: "c".into(), cores: 1, memory: Bytes(memory) };
            let software = Software { ndbench: "d".into(), commit: "e".into(), libtorch: "f".into() };
            Environment { host, software, device: Device::Cpu, threads: 1, settings: BTreeMap::new() }.fingerprint()
        };
        assert_eq!(with(25_276_510_208), with(25_276_502_016));
        assert_ne!(with(25_276_510_208), with(16 << 30));
    }
}
