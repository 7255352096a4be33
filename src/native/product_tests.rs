//! The kernel on a CPU, where threads take turns.

use super::*;
use std::process::Command;

#[test]
fn the_kernel_computes_what_double_precision_does() {
    let source = include_str!("../../native/product.cu");
    let code = source.strip_prefix("R\"cuda(").and_then(|rest| rest.trim_end().strip_suffix(")cuda\"")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernel.h"), code).unwrap();
    let program = folder.path().join("product_on_a_cpu");
    let mut command = crate::testing::compiler();
    command.args(["-std=c++17", "-O2", "-w", "-I"]).arg(folder.path());
    let output = command.arg("tests/native/product_on_a_cpu.cpp").arg("-o").arg(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn without_cuda_there_is_no_kernel() {
    assert!(tch::Cuda::is_available() || product_kernel(0).is_err());
}
