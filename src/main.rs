//! The `ndbench` binary: hands the arguments to [`ndbench::cli`].

#[cfg(feature = "torch")]
#[global_allocator]
static ALLOCATOR: ndbench::train::Allocator = ndbench::train::Allocator;

fn main() -> std::process::ExitCode {
    ndbench::cli::main()
}
