//! `ndbench submit --engine kubernetes`: what is missing in a store, as a manifest.

use super::args::SubmitArgs;
use super::exit::Failure;
use super::missing::Missing;
use super::selection::Selected;
use super::submit::shown;
use super::talk;
use crate::profile::{Device, Kubernetes};
use crate::submit::Pods;
use std::io;
use std::path::{Component, Path, absolute};

/// Prints the manifest of the blocks whose trials are not in the store. What the cluster has in hand nobody knows here.
///
/// # Errors
/// A scenario or profile that breaks a rule or lacks what pods need, a store that pods do not see, a plan that is too
/// large.
pub fn run(args: &SubmitArgs) -> Result<(), Failure> {
    if !args.dry_run {
        let why = "nothing is submitted to Kubernetes by this program: add --dry-run and give what it prints to \
                   `kubectl create -f -`";
        return Err(Failure::Input(why.into()));
    }
    let selected = args.selection.resolve()?;
    let kubernetes = selected.profile.kubernetes();
    let needed = |key: &str, value: &'_ Option<String>| {
        let place = selected.profile.name();
        value
            .clone()
            .ok_or_else(|| Failure::Input(format!("profile {place}: kubernetes.{key} is missing: pods need it").into()))
    };
    let (image, claim) = (needed("image", &kubernetes.image)?, needed("claim", &kubernetes.claim)?);
    let store = absolute(&selected.store)?;
    on_volume(&store, kubernetes.mount())?;
    let missing = Missing::of(args, &selected, &store, |_| false)?;
    let (trials, count, blocks) = (selected.trials.len(), missing.count(), missing.frozen.rows.len());
    talk::say(&format!("{trials} trials: {} done, {count} to train in {blocks} block(s)", trials - count))?;
    if count == 0 {
        return Ok(());
    }
    let pods = Pods {
        frozen: &missing.frozen,
        kubernetes,
        image: &image,
        claim: &claim,
        on_gpu: selected.profile.device() == Device::Cuda,
        program: args.program.as_deref().unwrap_or(Path::new("ndbench")),
        more: &more(args, &selected, kubernetes),
    };
    let manifest = pods.manifest().map_err(|e| Failure::Machine(e.to_string()))?;
    Ok(talk::write_all(&mut io::stdout(), &manifest)?)
}

/// What the pods' command lines have besides plan and row.
fn more(args: &SubmitArgs, selected: &Selected, kubernetes: &Kubernetes) -> Vec<String> {
    let data = args.data.iter().flat_map(|data| ["--data".into(), shown(data)]);
    // The limit of a pod is no limit that libtorch sees.
    let cpus = kubernetes.cpus.filter(|_| selected.profile.threads().is_none());
    let data = data.chain(args.retry_words());
    data.chain(cpus.into_iter().flat_map(|cpus| ["--threads".into(), cpus.to_string()])).collect()
}

/// Pods see the store.
fn on_volume(store: &Path, mount: &Path) -> Result<(), Failure> {
    let is_plain = !store.components().any(|part| part == Component::ParentDir);
    if store.starts_with(mount) && is_plain {
        return Ok(());
    }
    let why = format!(
        "the store {} is not on the volume that pods see at {}; name one there, such as --store {}",
        store.display(),
        mount.display(),
        mount.join("store").display(),
    );
    Err(Failure::Input(why.into()))
}
