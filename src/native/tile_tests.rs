//! The loops over tiles by themselves, compiled as the shim has them.

use std::process::Command;

#[test]
fn tiles_add_up_to_what_double_precision_does() {
    let folder = tempfile::tempdir().unwrap();
    let built = |source: &str, more: &[&str]| {
        let out = folder.path().join(source.replace(['/', '.'], "-") + ".o");
        let mut command = crate::testing::compiler();
        let output = command.args(["-std=c++17", "-O3", source, "-o"]).arg(&out).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out
    };
    let tile = built("native/tile.cpp", &["-c", "-mavx512f"]);
    let program = built("tests/native/tiles.cpp", &[tile.to_str().unwrap()]);
    let output = Command::new(&program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let expected = if std::arch::is_x86_feature_detected!("avx512f") { 76 * 6 } else { 0 };
    assert_eq!(said.trim(), expected.to_string());
}
