//! Compiles the C++ shim, records where libtorch lies, so that the binary runs without environment variables, and
//! records the commit that the program is built from.

use std::process::Command;

/// What the program is made of: a change in here makes a build differ from its commit.
const SOURCES: [&str; 12] = [
    "src",
    "native",
    "scenarios",
    "profiles/a100-80gb.toml",
    "profiles/cpu.toml",
    "profiles/h200.toml",
    "profiles/v100-16gb.toml",
    "assets",
    "datasets",
    "build.rs",
    "Cargo.toml",
    "Cargo.lock",
];

/// The files of the C++ shim.
#[cfg(feature = "torch")]
const SHIM: [&str; 32] = [
    "shim.h",
    "guarded.h",
    "shim.cpp",
    "autocast.cpp",
    "cuda.cpp",
    "graph.cpp",
    "host_memory.cpp",
    "inverse_sqrt.h",
    "inverse_sqrt.cpp",
    "columns.h",
    "moments.h",
    "moments.cpp",
    "patches.h",
    "patches.cpp",
    "pixels.h",
    "pixels.cpp",
    "planes.h",
    "planes.cpp",
    "parts.h",
    "parts.cpp",
    "product.h",
    "product.cpp",
    "product.cu",
    "samples.h",
    "samples.cpp",
    "strips.h",
    "strips.cpp",
    "symmetric.h",
    "symmetric.cpp",
    "tile.h",
    "tile.cpp",
    "fast.cpp",
];

/// Of the shim, what is compiled for AVX-512.
#[cfg(feature = "torch")]
const TILES: &str = "tile.cpp";

fn main() {
    SOURCES.iter().for_each(|path| println!("cargo:rerun-if-changed={path}"));
    println!("cargo:rustc-env=NDBENCH_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));
    #[cfg(feature = "torch")]
    torch();
}

/// 12 digits of the checked-out commit, with `-dirty` where sources differ from it; `None` outside a checkout.
fn commit() -> Option<String> {
    // In a checkout of something else that holds this folder, the commit would be somebody else's.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    // The log of HEAD grows with each commit and checkout.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if std::path::Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let id = git(&["rev-parse", "--short=12", "HEAD"])?;
    let status: Vec<_> = ["status", "--porcelain", "--"].into_iter().chain(SOURCES).collect();
    let suffix = if git(&status)?.is_empty() { "" } else { "-dirty" };
    Some(id + suffix)
}

/// What git prints, trimmed; `None` where it fails or is missing.
fn git(arguments: &[&str]) -> Option<String> {
    // Without optional locks, a build never stands in the way of a git command that runs at the same time.
    let output = Command::new("git").arg("--no-optional-locks").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().into())
}

#[cfg(feature = "torch")]
fn torch() {
    // torch-sys publishes the folder it links against (its `links` key is `tch`).
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB")
        .expect("torch-sys did not say where libtorch is; run `make setup` or set LIBTORCH");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo:rustc-env=NDBENCH_LIBTORCH_LIB={lib}");
    let root = std::path::Path::new(&lib).parent().expect("libtorch's lib folder has a parent");
    let mut shim = cc::Build::new();
    shim.cpp(true)
        .std("c++17")
        // torch-sys links the library, which is the one that libtorch has brought along.
        .flag("-fopenmp")
        .warnings(false)
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .files(
            SHIM.iter().filter(|name| name.ends_with(".cpp") && **name != TILES).map(|name| format!("native/{name}")),
        );
    compile_once(&mut shim, &lib);
}

/// Compiles the shim unless it is there, from the same source and the same libtorch: this script runs whenever a source
/// changes, and libtorch's headers are slow.
#[cfg(feature = "torch")]
fn compile_once(shim: &mut cc::Build, lib: &str) {
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let stamp = std::path::Path::new(&out).join("shim.stamp");
    let read = |name| std::fs::read_to_string(format!("native/{name}")).expect("native/ is part of the checkout");
    let source = SHIM.map(read).concat();
    let key = format!("{lib}\n{source}\n{}", include_str!("build.rs"));
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == key) {
        println!("cargo:rustc-link-search=native={out}");
        println!("cargo:rustc-link-lib=static=ndbench_shim");
        println!("cargo:rustc-link-lib=stdc++");
        return;
    }
    shim.objects(tiles(std::path::Path::new(&out))).compile("ndbench_shim");
    std::fs::write(&stamp, key).expect("OUT_DIR can be written to");
}

/// The loops of `TILES`, for processors of one kind; the program asks whether it runs on one.
#[cfg(feature = "torch")]
fn tiles(out: &std::path::Path) -> Vec<std::path::PathBuf> {
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|processor| processor != "x86_64") {
        return vec![];
    }
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(3).file(format!("native/{TILES}")).out_dir(out.join("avx512"));
    build.flag("-mavx512f").flag("-mprefer-vector-width=512").compile_intermediates()
}
