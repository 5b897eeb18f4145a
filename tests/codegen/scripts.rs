//! The Tcl scripts, run under tclsh with the vendors' commands replaced by empty ones.

use std::path::Path;
use std::process::Command;

use qk_hls::codegen::Io;

use crate::support;

/// Commands of Vivado HLS and Vitis HLS that the scripts may use. Any other unknown command ends
/// the run with an error.
const XILINX: &str = "open_project set_top add_files open_solution config_array_partition \
     config_compile config_schedule set_part create_clock set_clock_uncertainty csim_design \
     csynth_design export_design";

/// Commands of Vivado.
const VIVADO: &str = "add_files synth_design opt_design report_utilization report_timing_summary";

const CATAPULT: &str = "options project solution flow directive go";

/// Runs a script of a project with every step switched on; returns the commands it called.
fn dry_run(dir: &Path, script: &str, commands: &str, steps: &str) -> Option<String> {
    let stubs = format!(
        r#"
foreach name {{{commands}}} {{
    proc $name args "puts \"CALL $name \$args\""
}}
proc cosim_design args {{
    puts "CALL cosim_design $args"
    file mkdir tried_prj/solution1/sim/verilog tried_prj/solution1/syn/verilog
    set f [open tried_prj/solution1/sim/verilog/run_sim.tcl w]
    close $f
    foreach log {{csim_results rtl_cosim_results}} {{
        set f [open tb_data/$log.log w]
        puts $f "1 2 3"
        close $f
    }}
}}
proc exec args {{ puts "CALL exec $args" }}
set ::argv [list "{steps}"]
source {script}
"#
    );
    std::fs::write(dir.join("dry_run.tcl"), stubs).unwrap();
    let Ok(output) = Command::new("tclsh")
        .arg("dry_run.tcl")
        .current_dir(dir)
        .output()
    else {
        let required = std::env::var_os("QK_HLS_REQUIRE_ALL").is_some_and(|v| v == "1");
        assert!(!required, "tclsh is missing: install the package tcl");
        eprintln!("skipped: no tclsh (package tcl)");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{script}: {errors}{said}"
    );
    Some(said)
}

fn project(backend: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    support::project("dense_mlp", backend, Io::Parallel, "tried")
        .write(&root.path().join("project"), false)
        .unwrap();
    root
}

#[test]
fn vitis_and_vivado_scripts_run() {
    let steps = "reset=1 csim=1 synth=1 cosim=1 validation=1 export=1 vsynth=1";
    for backend in ["vitis", "vivado"] {
        let root = project(backend);
        let dir = root.path().join("project");
        let Some(calls) = dry_run(&dir, "build_prj.tcl", XILINX, steps) else {
            return;
        };
        for call in [
            "CALL set_top tried",
            "CALL csim_design",
            "CALL csynth_design",
            "CALL cosim_design",
            "C simulation and RTL simulation agree",
            "CALL export_design -format ip_catalog",
            "CALL exec vivado -mode batch",
        ] {
            assert!(calls.contains(call), "{backend}: no {call} in {calls}");
        }
        let calls = dry_run(&dir, "vivado_synth.tcl", VIVADO, "").unwrap();
        assert!(calls.contains("CALL synth_design -mode out_of_context -top tried"));
        // Steps that are switched off do not run.
        let few = "reset=0 csim=0 synth=1 cosim=0 validation=0 export=0 vsynth=0";
        let calls = dry_run(&dir, "build_prj.tcl", XILINX, few).unwrap();
        assert!(calls.contains("CALL csynth_design"));
        assert!(!calls.contains("CALL csim_design") && !calls.contains("CALL export_design"));
    }
}

#[test]
fn catapult_scripts_run() {
    let root = project("catapult");
    let dir = root.path().join("project");
    let steps = "reset=0 csim=1 synth=1 cosim=1 vhdl=1 verilog=1 vsynth=1";
    let Some(calls) = dry_run(&dir, "build_prj.tcl", CATAPULT, steps) else {
        return;
    };
    for call in [
        "CALL project new -name tried_prj",
        "CALL go analyze",
        "CALL go extract",
        "Verify_orig_cxx_osci.mk",
        "Verify_rtl_v_msim.mk",
        "CALL flow run /Vivado/synthesize",
    ] {
        assert!(calls.contains(call), "no {call} in {calls}");
    }
}
