//! The front as a picture.

use askama::Template;

use super::{Outcome, Point};

/// Size of the picture and of its margins, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const MARGIN: (f64, f64, f64, f64) = (70.0, 20.0, 40.0, 60.0);

#[derive(Template)]
#[template(path = "tune/front.svg")]
struct Picture {
    front: Vec<Dot>,
    line: String,
    uniform: Vec<Dot>,
    chosen: Dot,
    across: Vec<(String, String)>,
    up: Vec<(String, String)>,
    float: String,
}

struct Dot {
    x: String,
    y: String,
    title: String,
    label: String,
}

/// An SVG with the front, the uniform widths and the accuracy of the float network; energy on a logarithmic scale.
///
/// # Errors
/// When the template cannot be written, which does not happen.
pub fn plot(outcome: &Outcome) -> Result<String, String> {
    let points = || outcome.front.iter().chain(&outcome.uniform);
    let energies = || points().map(|p| p.energy.max(1e-9).log10());
    let (left, right) = (
        energies().fold(f64::INFINITY, f64::min),
        energies().fold(f64::NEG_INFINITY, f64::max),
    );
    let accuracies = || points().map(|p| p.accuracy).chain([outcome.float_accuracy]);
    let (low, high) = (
        accuracies().fold(1.0, f64::min),
        accuracies().fold(0.0, f64::max),
    );
    let share = |x: f64, from: f64, to: f64| {
        if to > from {
            (x - from) / (to - from)
        } else {
            0.5
        }
    };
    let (margin_left, margin_right, margin_top, margin_bottom) = MARGIN;
    let x = |log: f64| margin_left + share(log, left, right) * (WIDTH - margin_left - margin_right);
    let y = |accuracy: f64| {
        HEIGHT - margin_bottom - share(accuracy, low, high) * (HEIGHT - margin_top - margin_bottom)
    };
    let pixel = |v: f64| format!("{v:.1}");
    let dot = |point: &Point, label: String| Dot {
        x: pixel(x(point.energy.max(1e-9).log10())),
        y: pixel(y(point.accuracy)),
        title: format!("{:.0} pJ, accuracy {:.4}", point.energy, point.accuracy),
        label,
    };
    let front: Vec<Dot> = outcome
        .front
        .iter()
        .map(|p| dot(p, String::new()))
        .collect();
    let line: Vec<String> = front.iter().map(|d| format!("{},{}", d.x, d.y)).collect();
    let width = |p: &Point| {
        p.bits
            .values()
            .next()
            .map(u32::to_string)
            .unwrap_or_default()
    };
    let steps = |n: usize| (0..=n).map(move |i| i as f64 / n as f64);
    let picture = Picture {
        line: line.join(" "),
        front,
        uniform: outcome.uniform.iter().map(|p| dot(p, width(p))).collect(),
        chosen: dot(&outcome.front[outcome.chosen], String::new()),
        across: steps(5)
            .map(|s| left + s * (right - left))
            .map(|log| (pixel(x(log)), format!("{:.0}", 10f64.powf(log))))
            .collect(),
        up: steps(5)
            .map(|s| low + s * (high - low))
            .map(|accuracy| (pixel(y(accuracy)), format!("{accuracy:.3}")))
            .collect(),
        float: pixel(y(outcome.float_accuracy)),
    };
    picture
        .render()
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}
