//! Configuration files: the committed schema, hls4ml's YAML, and the starting point.

use qk_hls::config;

use crate::support;

/// `UPDATE_SCHEMA=1 cargo test` writes it anew.
#[test]
fn the_committed_schema_is_that_of_the_file() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, config::schema()).expect("docs is writable");
    }
    let committed = std::fs::read_to_string(&path).expect("docs/config.schema.json");
    assert_eq!(committed, config::schema());
}

#[test]
fn a_configuration_of_hls4ml_makes_a_project() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("hls4ml_config.yml");
    let model = support::golden_folders()
        .into_iter()
        .find(|f| support::name(f) == "dense_mlp")
        .expect("a golden model");
    let model = model.join("model.json");
    let run = |text: &str| {
        std::fs::write(&config, text).expect("a file");
        assert_cmd::Command::cargo_bin("qk-hls")
            .expect("the binary")
            .arg("generate")
            .arg(&model)
            .arg("-o")
            .arg(folder.path().join("project"))
            .args(["--input-type", "ap_fixed<16,6>", "--config"])
            .arg(&config)
            .output()
            .expect("it runs")
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let bad = run("HLSConfig: {Model: {Strategy: Fast}}\n");
    assert_eq!(bad.status.code(), Some(2));
    assert!(
        text(&bad.stderr).contains("latency, resource, unrolled"),
        "{}",
        text(&bad.stderr)
    );
    assert!(!folder.path().join("project").exists());
    let good = run(
        "Backend: Vivado\nProjectName: trigger\nClockUncertainty: 10%\n\
         HLSConfig: {Model: {Strategy: Latency, Precision: 'fixed<16,6>'}}\n",
    );
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    assert!(
        text(&good.stderr).contains("not used"),
        "{}",
        text(&good.stderr)
    );
    let script = std::fs::read_to_string(folder.path().join("project/project.tcl")).expect("it");
    for line in [
        "set project_name \"trigger\"",
        "set backend \"vivado\"",
        "set clock_uncertainty 10%",
    ] {
        assert!(script.contains(line), "{script}");
    }
}
