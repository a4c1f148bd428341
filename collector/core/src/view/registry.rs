//! The list of views.

use core::fmt;

use super::contract::{Data, View};
use super::groups;
use super::model::Model;
use super::selected;
use super::span_groups;
use crate::query::Show;

/// Every view, the default first.
pub const VIEWS: &[View] = &[
    super::summary::VIEW,
    super::time::VIEW,
    super::syscalls::VIEW,
    super::files::VIEW,
    super::sockets::VIEW,
    super::slowest::VIEW,
];

/// No view has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoView(String);

impl fmt::Display for NoView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown view {:?}: write {}", self.0, names())
    }
}

impl core::error::Error for NoView {}

/// The names of all views, as a person would say them.
#[must_use]
pub fn names() -> String {
    let mut names: Vec<_> = VIEWS.iter().map(|view| view.name).collect();
    let last = names.pop().unwrap_or_default();
    format!("{} or {last}", names.join(", "))
}

/// The view of that name.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<&'static View, NoView> {
    let mut views = VIEWS.iter();
    let found = views.find(|view| view.name == name);
    found.ok_or_else(|| NoView(name.to_owned()))
}

/// What `view` shows of `data`; groups of calls, where they were asked for, take the place of any view.
#[must_use]
pub fn answer(view: &View, data: &Data<'_>) -> Model {
    let mut model = match (data.groups, data.selected) {
        (Some(groups), _) => return groups::make(groups, data.names),
        (None, Some(selection)) if matches!(selection.query().show(), Show::Spans { .. }) => {
            return span_groups::make(selection, data);
        }
        (None, Some(selection)) => selected::make(view, data, selection),
        (None, None) => (view.make)(data),
    };
    if let (Model::Table(table), Some(top)) = (&mut model, data.top) {
        // With groups it is these that are so many.
        let grouped = data.selected.is_some_and(|of| !of.query().by().is_empty());
        table.shown = (!grouped).then_some(top);
    }
    model
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::model::{Cell, Row};
    use super::*;
    use crate::measure::summary::Summary;

    #[test]
    fn names_are_found_and_mistakes_answered_with_all() {
        for view in VIEWS {
            assert_eq!(find(view.name).unwrap().name, view.name);
            let same = VIEWS.iter().filter(|other| other.name == view.name);
            assert_eq!(same.count(), 1, "{}", view.name);
        }
        let all = names();
        assert!(
            all.starts_with("summary, time, ") && all.contains(" or "),
            "{all}"
        );
        assert!(VIEWS.iter().all(|view| all.contains(view.name)), "{all}");
        assert_eq!(
            find("flies").unwrap_err().to_string(),
            format!("unknown view \"flies\": write {all}")
        );
    }

    /// Whatever draws a table may count on this.
    #[test]
    fn tables_hold_together() {
        let of = |summary: &Summary| -> Vec<Model> {
            fixture::data(summary, &fixture::clean(), &[], |data| {
                VIEWS.iter().map(|view| (view.make)(data)).collect()
            })
        };
        let models = [
            fixture::busy(),
            fixture::hostile(),
            fixture::scan(30, 64 << 20),
            Summary::default(),
        ];
        for model in models.iter().flat_map(of) {
            let Model::Table(table) = model else { continue };
            let tags = |row: &Row| matches!(row.cells.first(), Some(Cell::Tags { .. }));
            assert!(table.rows.iter().all(tags));
            let keys: Vec<_> = table.columns.iter().map(|column| &column.key).collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[..at].contains(key), "two columns are {key}");
            }
            assert!(table.tree >= 1 && table.tree <= table.columns.len());
            let mut depth = 0;
            for row in &table.rows {
                assert!(row.cells.len() <= table.columns.len(), "{row:?}");
                assert!(row.depth <= depth + 1, "{row:?}");
                depth = row.depth;
            }
        }
    }
}
