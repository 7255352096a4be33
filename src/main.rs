//! The `ndbench` binary: hands the arguments to [`ndbench::cli`].

fn main() -> std::process::ExitCode {
    ndbench::cli::main()
}
