//! What the vendors' tools found, beside the estimate.
//!
//! Reads the reports that a build leaves in a project's folder: C synthesis (XML or text),
//! co-simulation, logic synthesis of Vivado (also when Catapult called it).

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What one report says; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    /// Which report: `estimate`, `csynth`, `cosim`, `vsynth`.
    pub report: &'static str,
    /// The file, from the project's folder on.
    pub file: String,
    /// Look-up tables.
    pub lut: Option<f64>,
    /// Flip-flops.
    pub ff: Option<f64>,
    /// DSP blocks.
    pub dsp: Option<f64>,
    /// Block RAMs of 18 kbit.
    pub bram18: Option<f64>,
    /// Cycles from input to output, the longest case.
    pub latency_cycles: Option<f64>,
    /// Cycles from one sample to the next, the longest case.
    pub interval_cycles: Option<f64>,
    /// Nanoseconds.
    pub clock_period: Option<f64>,
}

/// What is estimated and what C synthesis found for one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerRow {
    /// The layer.
    pub layer: String,
    /// Its class.
    pub class: String,
    /// Products at the same time.
    pub multipliers: u64,
    /// Additions, comparisons and selections at the same time.
    pub adders: u64,
    /// The estimate.
    pub estimate: Row,
    /// The report of the layer's function, if there is one.
    pub csynth: Option<Row>,
}

/// The estimate of every layer, and the reports of C synthesis of functions with the layers' names.
///
/// # Errors
/// A folder, an estimate or a report that cannot be read.
pub fn layers(project: &Path) -> Result<Vec<LayerRow>, String> {
    let path = project.join("estimate.json");
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let text = fs::read_to_string(&path).map_err(|e| at(&e))?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| at(&e))?;
    let layers = json["layers"].as_array().ok_or_else(|| at(&"no layers"))?;
    let mut files = Vec::new();
    walk(project, project, 8, &mut files)?;
    files.sort();
    let mut rows = Vec::with_capacity(layers.len());
    for layer in layers {
        let text = |key: &str| layer[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| layer[key].as_u64().unwrap_or_default();
        let name = text("layer");
        // The tools add `_s` to the names of templates' instances.
        let names = [format!("{name}_csynth."), format!("{name}_s_csynth.")];
        let report = files.iter().filter(|path| {
            let file = path.rsplit('/').next().unwrap_or(path);
            names.iter().any(|n| file.starts_with(n))
        });
        let csynth = match report.max_by_key(|path| path.ends_with(".xml")) {
            None => None,
            Some(path) => {
                let full = project.join(path);
                let text =
                    fs::read_to_string(&full).map_err(|e| format!("{}: {e}", full.display()))?;
                let found = if path.ends_with(".xml") {
                    csynth_xml(&text)
                } else {
                    csynth_text(&text)
                };
                Some(Row {
                    report: "csynth",
                    file: path.clone(),
                    ..found
                })
            }
        };
        rows.push(LayerRow {
            class: text("class"),
            multipliers: count("multipliers"),
            adders: count("adders"),
            estimate: Row {
                report: "estimate",
                file: "estimate.json".into(),
                ..figures(layer)
            },
            csynth,
            layer: name,
        });
    }
    Ok(rows)
}

/// Every report of the function `top` found in a project's folder, the estimate first.
///
/// # Errors
/// A folder or a report that cannot be read.
pub fn read(project: &Path, top: &str) -> Result<Vec<Row>, String> {
    let mut files = Vec::new();
    walk(project, project, 8, &mut files)?;
    files.sort();
    // Every function below the top has reports of C synthesis of its own.
    let inner = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let of = ["_csynth.xml", "_csynth.rpt"].map(|end| name.strip_suffix(end));
        of.iter().flatten().any(|function| *function != top)
    };
    files.retain(|path| !inner(path));
    let mut rows = Vec::new();
    for (kind, fits, parse) in KINDS {
        for path in files.iter().filter(|p| fits(p)) {
            let full = project.join(path);
            let text = fs::read_to_string(&full).map_err(|e| format!("{}: {e}", full.display()))?;
            let row = Row {
                report: kind,
                file: path.clone(),
                ..parse(&text)
            };
            let empty = Row {
                report: kind,
                file: path.clone(),
                ..Row::default()
            };
            if row == empty {
                return Err(format!(
                    "{}: no {kind} report that is understood",
                    full.display()
                ));
            }
            rows.push(row);
        }
    }
    // The XML form of a report says all that the text says.
    let xml: Vec<String> = rows
        .iter()
        .filter_map(|r| r.file.strip_suffix(".xml").map(str::to_owned))
        .collect();
    rows.retain(|r| {
        let text = r.file.strip_suffix(".rpt");
        text.is_none_or(|stem| !xml.iter().any(|x| x == stem))
    });
    Ok(rows)
}

type Fits = fn(&str) -> bool;
type Parse = fn(&str) -> Row;

const KINDS: [(&str, Fits, Parse); 5] = [
    ("estimate", |p| p == "estimate.json", estimate),
    ("csynth", |p| p.ends_with("_csynth.xml"), csynth_xml),
    ("csynth", |p| p.ends_with("_csynth.rpt"), csynth_text),
    ("cosim", |p| p.ends_with("_cosim.rpt"), cosim),
    (
        "vsynth",
        |p| p.ends_with("vivado_synth.rpt") || p.ends_with("utilization_synth.rpt"),
        utilization,
    ),
];

/// Paths of all reports below a folder, with `/` between folders.
fn walk(root: &Path, dir: &Path, depth: usize, found: &mut Vec<String>) -> Result<(), String> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries {
        let path: PathBuf = entry.map_err(|e| format!("{}: {e}", dir.display()))?.path();
        let Ok(kind) = fs::symlink_metadata(&path) else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            walk(root, &path, depth - 1, found)?;
        } else if kind.is_file()
            && let Ok(relative) = path.strip_prefix(root)
        {
            let parts: Vec<_> = relative.iter().map(|p| p.to_string_lossy()).collect();
            let name = parts.join("/");
            if KINDS.iter().any(|(_, fits, _)| fits(&name)) {
                found.push(name);
            }
        }
    }
    Ok(())
}

fn estimate(text: &str) -> Row {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return Row::default();
    };
    figures(&json["total"])
}

/// Figures of a layer or of the total.
fn figures(json: &serde_json::Value) -> Row {
    let figure = |key: &str| json[key].as_f64();
    Row {
        lut: figure("lut"),
        ff: figure("ff"),
        dsp: figure("dsp"),
        bram18: figure("bram18"),
        latency_cycles: figure("latency_cycles"),
        interval_cycles: figure("interval_cycles"),
        ..Row::default()
    }
}

/// The text of the first element with this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}>");
    let start = xml.find(&open)? + open.len();
    let end = start + xml[start..].find(&format!("</{name}>"))?;
    Some(xml[start..end].trim())
}

fn csynth_xml(text: &str) -> Row {
    let resources = element(text, "Resources").unwrap_or_default();
    let number = |xml: &str, names: &[&str]| {
        let mut all = names.iter().filter_map(|n| element(xml, n)?.parse().ok());
        all.next()
    };
    Row {
        lut: number(resources, &["LUT"]),
        ff: number(resources, &["FF"]),
        // Older versions name the block.
        dsp: number(resources, &["DSP", "DSP48E"]),
        bram18: number(resources, &["BRAM_18K"]),
        latency_cycles: number(text, &["Worst-caseLatency"]),
        interval_cycles: number(text, &["Interval-max"]),
        clock_period: number(text, &["EstimatedClockPeriod"]),
        ..Row::default()
    }
}

/// Cells of the table lines of a text report.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    match line.strip_prefix('|').and_then(|l| l.strip_suffix('|')) {
        Some(inner) => inner.split('|').map(str::trim).collect(),
        None => Vec::new(),
    }
}

fn csynth_text(text: &str) -> Row {
    let mut row = Row::default();
    let mut columns: Vec<&str> = Vec::new();
    for line in text.lines() {
        let cells = cells(line);
        if cells.first() == Some(&"Name") {
            columns = cells;
        } else if cells.first() == Some(&"Total") {
            let of = |names: &[&str]| {
                let at = columns.iter().position(|c| names.contains(c))?;
                cells.get(at)?.parse().ok()
            };
            row.lut = of(&["LUT"]);
            row.ff = of(&["FF"]);
            row.dsp = of(&["DSP", "DSP48E"]);
            row.bram18 = of(&["BRAM_18K"]);
            break;
        }
    }
    row
}

/// The line of the language that was simulated: status, then latency min, avg, max, then interval
/// min, avg, max.
fn cosim(text: &str) -> Row {
    let mut row = Row::default();
    for line in text.lines() {
        let cells = cells(line);
        let language = cells
            .first()
            .is_some_and(|c| *c == "Verilog" || *c == "VHDL");
        let number = |i: usize| cells.get(i).and_then(|c| c.parse().ok());
        if language && number(4).is_some() {
            row.latency_cycles = number(4);
            row.interval_cycles = number(7);
        }
    }
    row
}

fn utilization(text: &str) -> Row {
    let mut row = Row::default();
    for line in text.lines() {
        let cells = cells(line);
        let (Some(name), Some(used)) = (cells.first(), cells.get(1)) else {
            continue;
        };
        let used: Option<f64> = used.parse().ok();
        match name.trim_end_matches('*') {
            "CLB LUTs" | "Slice LUTs" => row.lut = row.lut.or(used),
            "CLB Registers" | "Slice Registers" => row.ff = row.ff.or(used),
            "DSPs" => row.dsp = row.dsp.or(used),
            "Block RAM Tile" => row.bram18 = row.bram18.or(used.map(|tiles| 2.0 * tiles)),
            _ => {}
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<profile><PerformanceEstimates><SummaryOfTimingAnalysis>\
        <EstimatedClockPeriod>4.366</EstimatedClockPeriod></SummaryOfTimingAnalysis>\
        <SummaryOfOverallLatency><Best-caseLatency>1028</Best-caseLatency>\
        <Worst-caseLatency>1044</Worst-caseLatency><Interval-min>1028</Interval-min>\
        <Interval-max>1029</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>\
        <AreaEstimates><Resources><BRAM_18K>100</BRAM_18K><DSP48E>340</DSP48E><FF>43847</FF>\
        <LUT>263280</LUT></Resources><AvailableResources><LUT>1728000</LUT></AvailableResources>\
        </AreaEstimates></profile>";

    #[test]
    fn c_synthesis() {
        let row = csynth_xml(XML);
        assert_eq!(row.lut, Some(263_280.0));
        assert_eq!(row.dsp, Some(340.0));
        assert_eq!(row.latency_cycles, Some(1044.0));
        assert_eq!(row.interval_cycles, Some(1029.0));
        assert_eq!(row.clock_period, Some(4.366));
    }

    #[test]
    fn text_reports() {
        let text = "|       Name      | BRAM_18K|  DSP  |   FF  |  LUT  | URAM|\n\
                    |Expression       |        -|      -|      0|     24|    -|\n\
                    |Total            |        0|     73|   7969|   2532|    0|\n";
        let row = csynth_text(text);
        assert_eq!((row.dsp, row.lut), (Some(73.0), Some(2532.0)));
        let text = "|   RTL    |  Status  |  min |  avg |  max |  min |  avg |  max |\n\
                    |      VHDL|        NA|    NA|    NA|    NA|    NA|    NA|    NA|\n\
                    |   Verilog|      Pass|    10|    11|    12|     7|     8|     9|\n";
        let row = cosim(text);
        assert_eq!(
            (row.latency_cycles, row.interval_cycles),
            (Some(12.0), Some(9.0))
        );
        let text = "| CLB LUTs*      | 118931 | 0 | 1728000 | 6.88 |\n\
                    | CLB Registers  |  30702 | 0 | 3456000 | 0.89 |\n\
                    | Block RAM Tile |     34 | 0 |    2688 | 1.26 |\n\
                    | DSPs           |    353 | 0 |   12288 | 2.87 |\n";
        let row = utilization(text);
        assert_eq!(row.lut, Some(118_931.0));
        assert_eq!(row.bram18, Some(68.0));
        assert_eq!(row.dsp, Some(353.0));
    }

    #[test]
    fn a_folder_of_reports() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("p_prj/solution1/syn/report");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("p_csynth.xml"), XML).unwrap();
        fs::write(folder.join("fc1_csynth.xml"), XML).unwrap();
        fs::write(folder.join("p_csynth.rpt"), "|Name|LUT|\n|Total|1|\n").unwrap();
        let json = "{\"total\": {\"lut\": 5, \"latency_cycles\": 7}, \"layers\": [{\"layer\": \"fc1\", \
            \"class\": \"QDense\", \"lut\": 3, \"adders\": 2}, {\"layer\": \"fc2\"}]}";
        fs::write(root.path().join("estimate.json"), json).unwrap();
        let rows = read(root.path(), "p").unwrap();
        let reports: Vec<&str> = rows.iter().map(|r| r.report).collect();
        assert_eq!(reports, ["estimate", "csynth"]);
        assert_eq!(rows[0].latency_cycles, Some(7.0));
        assert_eq!(rows[1].lut, Some(263_280.0));
        let rows = layers(root.path()).unwrap();
        assert_eq!((rows[0].adders, rows[0].estimate.lut), (2, Some(3.0)));
        assert_eq!(rows[0].csynth.as_ref().unwrap().lut, Some(263_280.0));
        assert_eq!((rows[1].layer.as_str(), &rows[1].csynth), ("fc2", &None));
        fs::write(root.path().join("vivado_synth.rpt"), "ERROR").unwrap();
        assert!(
            read(root.path(), "p")
                .unwrap_err()
                .contains("vivado_synth.rpt")
        );
    }
}
