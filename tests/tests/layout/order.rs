//! Which rooms of a crate may import which.

use crate::circles::chain;
use crate::edges::Edge;
use crate::source::Source;

/// What of the crate imports a room that stands after it in `order`, a line each.
pub(crate) fn backward(source: &Source, edges: &[Edge], order: &[&str]) -> Vec<String> {
    let place = |module| {
        let room = *chain(source, module).first()?;
        order.iter().position(|name| *name == room)
    };
    let mut found = Vec::new();
    for edge in edges {
        if let (Some(from), Some(to)) = (place(edge.from), place(edge.to))
            && from < to
        {
            let (file, line) = (edge.file.display(), edge.line);
            let (from, to, written) = (order[from], order[to], &edge.written);
            found.push(format!("{from} -> {to}: {file}:{line}: {written}"));
        }
    }
    found
}

/// The rooms of a crate: the modules below its root.
pub(crate) fn rooms(source: &Source) -> Vec<&str> {
    let children = source.modules[0].children.iter();
    let mut rooms: Vec<_> = children
        .filter(|(_, module)| source.modules[**module].owner == **module)
        .map(|(name, _)| name.as_str())
        .collect();
    rooms.sort_unstable();
    rooms
}
