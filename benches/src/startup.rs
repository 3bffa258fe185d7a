//! The size of the program, and the time until it is ready.

use std::{fs, path::Path};

use crate::{
    Failure,
    place::Place,
    process::Process,
    table::{Table, median},
};

/// The number of starts of each kind.
const STARTS: usize = 5;

pub(crate) fn measure(program: &Path, database_url: Option<&str>, table: &mut Table) -> Result<(), Failure> {
    let size = u32::try_from(fs::metadata(program)?.len())?;
    table.row("size of the program", format!("{:.1} MB", f64::from(size) / 1e6), "≤ 25 MB", "");

    let (mut first, mut later) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let place = Place::new(database_url)?;
        for times in [&mut first, &mut later] {
            let server = Process::start(place.program(program))?;
            times.push(server.ready_after().as_secs_f64() * 1000.0);
        }
    }
    for (what, times) in [("ready, first start", first), ("ready, later start", later)] {
        let most = times.iter().copied().fold(0.0, f64::max);
        table.row(
            what,
            format!("{:.0} ms", median(times)),
            "≤ 300 ms",
            &format!("slowest of {STARTS}: {most:.0} ms"),
        );
    }
    Ok(())
}
