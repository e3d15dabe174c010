//! Plots as SVG text: bars, and shares of latencies on a logarithmic axis.

use std::fmt::Write as _;

const COLOURS: [&str; 6] = ["#0b6e4f", "#c8553d", "#3d5a80", "#8d6a9f", "#b08900", "#555555"];

fn frame(width: u32, height: u32, title: &str, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"16\" y=\"26\" font-size=\"16\">{}</text>{inside}</svg>\n",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Horizontal bars with their values.
pub fn bars(title: &str, values: &[(String, f64)]) -> String {
    let largest = values.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut inside = String::new();
    for (index, ((name, value), colour)) in values.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let y = 44 + 30 * index;
        let width = 420.0 * value / largest;
        // Writing into a string cannot fail.
        let _ = write!(
            inside,
            "<text x=\"16\" y=\"{}\">{}</text><rect x=\"270\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" \
             fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{value:.0}</text>",
            y + 15,
            escaped(name),
            276.0 + width,
            y + 15
        );
    }
    frame(780, 60 + 30 * values.len() as u32, title, &inside)
}

/// One curve a name: the share of values at or below x, x logarithmic. Values ascend.
pub fn curves(title: &str, values: &[(String, Vec<f64>)]) -> String {
    let positive = || values.iter().flat_map(|(_, values)| values.iter().copied()).filter(|value| *value > 0.0);
    let low = positive().fold(f64::MAX, f64::min).log10().floor();
    let high = positive().fold(f64::MIN_POSITIVE, f64::max).log10().ceil().max(low + 1.0);
    let x = |value: f64| 60.0 + 500.0 * (value.log10() - low) / (high - low);
    let y = |share: f64| 330.0 - 280.0 * share;
    let mut inside = String::new();
    let mut decade = low;
    while decade <= high {
        let at = x(10f64.powf(decade));
        let _ = write!(
            inside,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"50\" y2=\"330\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"350\" text-anchor=\"middle\">{}</text>",
            10f64.powf(decade)
        );
        decade += 1.0;
    }
    for (share, label) in [(0.5, "50 %"), (0.95, "95 %")] {
        let at = y(share);
        let _ = write!(
            inside,
            "<line x1=\"60\" x2=\"560\" y1=\"{at}\" y2=\"{at}\" stroke=\"#ddd\"/><text x=\"16\" y=\"{}\">{label}</text>",
            at + 4.0
        );
    }
    for (index, ((name, values), colour)) in values.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .filter(|(_, value)| **value > 0.0)
            .map(|(rank, value)| format!("{:.1},{:.1}", x(*value), y((rank + 1) as f64 / values.len() as f64)))
            .collect();
        let at = 60 + 22 * index;
        let _ = write!(
            inside,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <rect x=\"580\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/><text x=\"600\" y=\"{at}\">{}</text>",
            points.join(" "),
            at - 7,
            escaped(name)
        );
    }
    frame(880, 370, title, &inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_are_whole_and_names_are_escaped() {
        let bars = bars("a < b", &[("one & two".to_owned(), 5.0), ("none".to_owned(), 0.0)]);
        assert!(bars.contains("a &lt; b") && bars.contains("one &amp; two") && bars.ends_with("</svg>\n"));
        let curves = curves("c", &[("x".to_owned(), vec![0.1, 1.0, 20.0]), ("empty".to_owned(), Vec::new())]);
        assert!(curves.contains("polyline") && !curves.contains("NaN") && !curves.contains("inf"));
    }
}
