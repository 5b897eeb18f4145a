//! A design, as a project, against the simulator.

use std::collections::BTreeMap;
use std::path::Path;

use super::{CsimError, Headers, Report, Samples, run};
use crate::codegen::{self, CodegenErrors, Options, TestVectors, WriteError, port_codes};
use crate::ir::kernel::{Design, NodeId};
use crate::sim::Codes;
use crate::sim::batch::{self, Batch};
use crate::sim::plan::RunError;

/// What the simulator says of a batch.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Inputs and outputs, for the test bench.
    pub vectors: TestVectors,
    /// Layer outputs by name, as the C++ arrays hold them. Layers whose codes no array holds are
    /// left out.
    pub traces: BTreeMap<String, Codes>,
}

/// Why a design could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It has no project.
    #[error(transparent)]
    Codegen(#[from] CodegenErrors),
    /// The project could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The project could not be run.
    #[error(transparent)]
    Csim(#[from] CsimError),
    /// The simulator refused the batch.
    #[error(transparent)]
    Simulation(#[from] RunError),
}

/// Simulates a batch.
///
/// # Errors
/// Codes that an input port does not hold.
pub fn reference(design: &Design, batch: &Batch) -> Result<Reference, RunError> {
    let ports = design.outputs.iter().chain(&design.taps);
    let wanted: Vec<NodeId> = ports.map(|p| p.node).collect();
    let mut outputs = batch::run(design, batch, &wanted)?;
    let inside = outputs.split_off(design.outputs.len());
    let traces = design.taps.iter().zip(inside).filter_map(|(tap, codes)| {
        let codes = port_codes(design.node(tap.node), &codes)?;
        Some((tap.name.clone(), codes))
    });
    Ok(Reference {
        traces: traces.collect(),
        vectors: TestVectors {
            inputs: batch.inputs.clone(),
            outputs,
        },
    })
}

/// Generates the project into a temporary folder and compares its outputs and layers with the
/// simulator's on a batch.
///
/// # Errors
/// Everything but a mismatch, which is a result.
pub fn check(
    design: &Design,
    options: &Options,
    batch: &Batch,
    headers: &Headers,
) -> Result<Report, CheckError> {
    let reference = reference(design, batch)?;
    let files = codegen::generate(design, options, &reference.vectors)?;
    let folder = tempfile::tempdir().map_err(super::at(Path::new("temporary folder")))?;
    let project = folder.path().join("project");
    files.write(&project, false)?;
    let aligned = |ports: &[crate::ir::kernel::Port], codes: &[Codes]| -> Vec<Codes> {
        let pairs = ports.iter().zip(codes);
        let all = pairs.map(|(p, c)| port_codes(design.node(p.node), c));
        all.collect::<Option<_>>()
            .expect("the project was generated, so its ports hold every code")
    };
    let samples = Samples::Given {
        inputs: &aligned(&design.inputs, &reference.vectors.inputs),
        outputs: Some(&aligned(&design.outputs, &reference.vectors.outputs)),
        traces: &reference.traces,
    };
    Ok(run(&project, &samples, headers)?)
}
