//! Profiles for a terminal: a tree with shares.

use nulltrace_core::view::model::{Cell, Column, Flame, Frame, Row, Table, Unit};

use super::paint::Style;
use super::table;

pub(super) fn draw(out: &mut String, flame: &Flame, style: Style) {
    let whole = flame.total();
    let row = |frame: &Frame| {
        let cells = vec![
            Cell::Text(frame.name.clone()),
            Cell::share(frame.total, whole),
            weight(frame.total, flame.unit),
            Cell::share(frame.own, whole),
            weight(frame.own, flame.unit),
        ];
        Row::new(frame.depth, cells)
    };
    let columns = vec![
        Column::names("frame"),
        Column::new("share", Unit::Share, 0),
        Column::new("total", flame.unit, 2),
        Column::new("self share", Unit::Share, 1),
        Column::new("self", flame.unit, 3),
    ];
    let rows = flame.frames.iter().map(row).collect();
    table::draw(out, &Table::new(columns, rows), style);
}

fn weight(n: u64, unit: Unit) -> Cell {
    match unit {
        Unit::Ns => Cell::Ns(n.into()),
        Unit::Bytes => Cell::Bytes(n),
        _ => Cell::Number(n),
    }
}
