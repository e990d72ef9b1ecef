//! The picture: latency by percentile, one line for each contender. Both axes are logarithmic, so that each step to the
//! right is a tenth of the requests.

use std::fs;
use std::iter::successors;
use std::path::Path;

use plotters::prelude::*;

use crate::latency::Latencies;
use crate::load::Measured;
use crate::report::time;

const SIZE: (u32, u32) = (960, 560);
const FONT: (&str, u32) = ("sans-serif", 16);
const COLOURS: [RGBColor; 2] = [RGBColor(0x1f, 0x77, 0xb4), RGBColor(0xd6, 0x27, 0x28)];
/// How many points a line has between a percentile and the next that has one nine more.
const POINTS: u32 = 24;

/// One request in so many takes longer: 2 at the median, 100 at the 99th percentile.
type OneIn = f64;

pub(crate) fn write(contenders: &[Measured], file: &Path) -> Result<(), String> {
    let mut svg = String::new();
    draw(contenders, &mut svg).map_err(|error| format!("can't draw the picture: {error}"))?;
    fs::write(file, svg).map_err(|error| format!("can't write the picture to {}: {error}", file.display()))
}

fn draw(contenders: &[Measured], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let lines: Vec<_> = contenders.iter().map(|measured| (measured.name, line(&measured.lookups))).collect();
    let points = || lines.iter().flat_map(|(_, line)| line);
    let rarest = points().map(|point| point.0).fold(10.0, f64::max);
    let slowest = points().map(|point| point.1).fold(10.0, f64::max);
    let fastest = points().map(|point| point.1).fold(slowest, f64::min);

    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency of one lookup while shards split, merge and move", ("sans-serif", 22))
        .margin(20)
        .x_label_area_size(48)
        .y_label_area_size(80)
        .build_cartesian_2d(
            (1.0..rarest).log_scale().with_key_points(ticks(rarest)),
            (fastest / 2.0..slowest * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("percentile of lookups")
        .x_label_formatter(&|one_in| percentile(*one_in))
        .y_label_formatter(&|latency| nanoseconds(*latency))
        .label_style(FONT)
        .axis_desc_style(FONT)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ((name, line), colour) in lines.into_iter().zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).label_font(FONT).draw()?;
    area.present()?;
    Ok(())
}

/// The median, and then each percentile with one nine more.
fn ticks(rarest: OneIn) -> Vec<OneIn> {
    let decades = successors(Some(10.0), |one_in| Some(one_in * 10.0));
    [2.0].into_iter().chain(decades.take_while(|one_in| *one_in <= rarest)).collect()
}

/// From the fastest lookup to the slowest one.
fn line(latencies: &Latencies) -> Vec<(OneIn, f64)> {
    let count = as_float(latencies.count());
    let one_in = (0..).map(|point| 10_f64.powf(f64::from(point) / f64::from(POINTS)));
    let points = one_in.take_while(|one_in| *one_in < count);
    let points = points.map(|one_in| (one_in, as_float(latencies.quantile(1.0 - 1.0 / one_in))));
    points.chain([(count.max(1.0), as_float(latencies.greatest().max(1)))]).collect()
}

fn percentile(one_in: OneIn) -> String {
    let nines = (1..).take_while(|nines| 10_f64.powi(*nines) < one_in * 1.01).count();
    format!("{:.*}%", nines.saturating_sub(2), 100.0 - 100.0 / one_in)
}

fn nanoseconds(latency: f64) -> String {
    format!("{latency:.0}").parse().map_or_else(|_| String::new(), time).replace(".0 ", " ")
}

fn as_float(number: u64) -> f64 {
    number as f64
}
