//! The pictures: lines over two logarithmic axes, and the folder that they go to.

use std::fs;
use std::path::PathBuf;

use plotters::prelude::*;

use crate::grid::figure;

const SIZE: (u32, u32) = (1_100, 760);
const FONT: (&str, u32) = ("sans-serif", 15);

pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        fs::create_dir_all(&path).map_err(|error| format!("can't make {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }
}

pub(crate) struct Chart<'c> {
    pub(crate) title: String,
    pub(crate) across: &'c str,
    pub(crate) up: &'c str,
    /// What is written at which place across.
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) name: String,
    /// One of those that it is all about.
    pub(crate) bold: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart<'_> {
    pub(crate) fn write(&self, folder: &Folder, file: &str) -> Result<(), String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| format!("can't draw {file}: {error}"))?;
        let path = folder.path(file);
        fs::write(&path, svg).map_err(|error| format!("can't write {}: {error}", path.display()))
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let heights = || self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let (low, high) = (heights().fold(f64::MAX, f64::min), heights().fold(1.0, f64::max));
        let places = || self.ticks.iter().map(|tick| tick.0);
        let (left, right) = (places().fold(f64::MAX, f64::min), places().fold(1.0, f64::max));

        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (area, legend) = area.split_horizontally(SIZE.0 - 330);
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(
                (left / 1.2..right * 1.2).log_scale().with_key_points(places().collect()),
                (low / 1.3..high * 1.3).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&|place| {
                let near = |tick: &&(f64, String)| (tick.0 / place - 1.0).abs() < 1e-6;
                self.ticks.iter().find(near).map_or_else(String::new, |tick| tick.1.clone())
            })
            .y_label_formatter(&|height| figure(*height))
            .label_style(FONT)
            .axis_desc_style(FONT)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (place, line) in (0_i32..).zip(&self.lines) {
            let colour = Palette99::pick(usize::try_from(place)?).to_rgba();
            let style = colour.stroke_width(if line.bold { 4 } else { 2 });
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(3))?;
            let height = 60 + 24 * place;
            legend.draw(&PathElement::new([(0, height), (24, height)], style))?;
            legend.draw(&Text::new(line.name.clone(), (32, height - 7), FONT))?;
        }
        legend.present()?;
        area.present()?;
        Ok(())
    }
}
