//! Plots as SVG text: bars, parts of bars, shares of latencies on a logarithmic axis, lines on two of them.

use std::fmt::Write as _;

const COLOURS: [&str; 10] =
    ["#0b6e4f", "#c8553d", "#3d5a80", "#8d6a9f", "#b08900", "#555555", "#2a9d8f", "#e76f51", "#6a4c93", "#9c6644"];

/// Most points of a curve.
const POINTS: usize = 150;

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
        let width = 400.0 * value / largest;
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
    frame(800, 60 + 30 * values.len() as u32, title, &inside)
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
        // Every so many ranks, and the last: more points than that cannot be told apart.
        let step = values.len().div_ceil(POINTS).max(1);
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .filter(|(rank, value)| **value > 0.0 && (rank % step == 0 || rank + 1 == values.len()))
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
    frame(900, (80 + 22 * values.len() as u32).max(370), title, &inside)
}

/// One line a name through points, both axes logarithmic.
pub fn lines(title: &str, values: &[(String, Vec<(f64, f64)>)]) -> String {
    let points = || values.iter().flat_map(|(_, points)| points.iter().copied()).filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) =
            values.fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), value| (low.min(value), high.max(value)));
        let low = low.log10().floor();
        (low, high.log10().ceil().max(low + 1.0))
    };
    let ((left, right), (low, high)) = (ends(&mut points().map(|(x, _)| x)), ends(&mut points().map(|(_, y)| y)));
    let x = |value: f64| 80.0 + 480.0 * (value.log10() - left) / (right - left);
    let y = |value: f64| 330.0 - 280.0 * (value.log10() - low) / (high - low);
    let mut inside = String::new();
    for decade in left as i32..=right as i32 {
        let at = x(10f64.powi(decade));
        let _ = write!(
            inside,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"50\" y2=\"330\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"350\" text-anchor=\"middle\">{}</text>",
            10f64.powi(decade)
        );
    }
    for decade in low as i32..=high as i32 {
        let at = y(10f64.powi(decade));
        let _ = write!(
            inside,
            "<line x1=\"80\" x2=\"560\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"74\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            at + 4.0,
            10f64.powi(decade)
        );
    }
    for (index, ((name, points), colour)) in values.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let drawn = points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
        let drawn: Vec<String> = drawn.map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
        let at = 60 + 22 * index;
        let _ = write!(
            inside,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <rect x=\"580\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/><text x=\"600\" y=\"{at}\">{}</text>",
            drawn.join(" "),
            at - 7,
            escaped(name)
        );
    }
    frame(900, (80 + 22 * values.len() as u32).max(370), title, &inside)
}

/// Bars made of parts, each part named below its bar.
pub fn stacks(title: &str, values: &[(String, Vec<(String, f64)>)]) -> String {
    let sum = |parts: &[(String, f64)]| parts.iter().map(|(_, value)| value).sum::<f64>();
    let largest = values.iter().map(|(_, parts)| sum(parts)).fold(f64::MIN_POSITIVE, f64::max);
    let mut inside = String::new();
    let mut y = 44;
    for (name, parts) in values {
        let mut left = 150.0;
        let _ = write!(inside, "<text x=\"16\" y=\"{}\">{} {:.1}</text>", y + 15, escaped(name), sum(parts));
        for ((_, value), colour) in parts.iter().zip(COLOURS.iter().cycle()) {
            let width = 600.0 * value / largest;
            let _ = write!(
                inside,
                "<rect x=\"{left:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" fill=\"{colour}\"/>"
            );
            left += width;
        }
        let said: Vec<String> = parts
            .iter()
            .zip(COLOURS.iter().cycle())
            .filter(|((_, value), _)| *value >= largest / 200.0)
            .map(|((part, value), colour)| format!("<tspan fill=\"{colour}\">{} {value:.1} </tspan>", escaped(part)))
            .collect();
        for (line, part) in said.chunks(6).enumerate() {
            let _ = write!(
                inside,
                "<text x=\"150\" y=\"{}\" font-size=\"11\">{}</text>",
                y + 36 + 14 * line,
                part.join(" ")
            );
        }
        y += 40 + 14 * said.len().div_ceil(6);
    }
    frame(900, y as u32 + 10, title, &inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_are_whole_and_names_are_escaped() {
        let bars = bars("a < b", &[("one & two".to_owned(), 5.0), ("none".to_owned(), 0.0)]);
        assert!(bars.contains("a &lt; b") && bars.contains("one &amp; two") && bars.ends_with("</svg>\n"));
        let curves = curves("c", &[("x".to_owned(), vec![0.1, 1.0, 20.0]), ("empty".to_owned(), Vec::new())]);
        let lines = lines("l", &[("x".to_owned(), vec![(10.0, 0.0), (100.0, 5.0)]), ("none".to_owned(), Vec::new())]);
        let stacks = stacks("s", &[("a".to_owned(), vec![("b".to_owned(), 1.0), ("c & d".to_owned(), 2.0)])]);
        assert!(stacks.contains("c &amp; d 2.0") && lines.contains("polyline"));
        for plot in [curves, lines, stacks] {
            assert!(plot.ends_with("</svg>\n") && !plot.contains("NaN") && !plot.contains("inf"));
        }
    }
}
