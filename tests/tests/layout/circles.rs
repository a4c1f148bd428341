//! The circles of a crate, level by level.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::edges::Edge;
use crate::source::Source;

/// Modules of one level that all import each other, directly or by others.
#[derive(Debug)]
pub(crate) struct Knot {
    /// The module whose children they are; empty for the root.
    pub(crate) level: String,
    /// Their names, sorted; `mod` is the file of the level itself.
    pub(crate) members: Vec<String>,
    /// A shortest circle in it, with the lines that make it.
    pub(crate) circle: String,
}

type Level<'e> = BTreeMap<String, BTreeMap<String, &'e Edge>>;

/// The modules with a file from the root down to `module`, by name, without the root.
pub(crate) fn chain(source: &Source, module: usize) -> Vec<&str> {
    let mut names = Vec::new();
    let mut at = module;
    while let Some(parent) = source.modules[at].parent {
        if source.modules[at].owner == at {
            names.push(source.modules[at].name.as_str());
        }
        at = parent;
    }
    names.reverse();
    names
}

/// All knots of a crate.
pub(crate) fn knots(source: &Source, edges: &[Edge]) -> Vec<Knot> {
    let mut levels: BTreeMap<String, Level<'_>> = BTreeMap::new();
    for edge in edges {
        let (from, to) = (chain(source, edge.from), chain(source, edge.to));
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let member = |of: &[&str]| (*of.get(common).unwrap_or(&"mod")).to_owned();
        let level = levels.entry(from[..common].join("::")).or_default();
        let edges = level.entry(member(&from)).or_default();
        edges.entry(member(&to)).or_insert(edge);
    }
    let levels = levels.into_iter();
    levels
        .flat_map(|(name, level)| of_level(&name, &level))
        .collect()
}

fn of_level(name: &str, level: &Level<'_>) -> Vec<Knot> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = level
        .keys()
        .map(|from| (from.as_str(), reachable(level, from)))
        .collect();
    let both_ways = |a: &str, b: &str| {
        let from_to = |a, b| reach.get(a).is_some_and(|reached| reached.contains(b));
        from_to(a, b) && from_to(b, a)
    };
    let mut knots = Vec::new();
    let mut done = BTreeSet::new();
    for member in level.keys() {
        if !done.contains(member) && both_ways(member, member) {
            let others = level.keys().filter(|other| both_ways(member, other));
            let members: Vec<_> = others.cloned().collect();
            done.extend(members.clone());
            knots.push(Knot {
                level: name.to_owned(),
                circle: written(&shortest(level, &members)),
                members,
            });
        }
    }
    knots
}

fn reachable<'l>(level: &'l Level<'_>, from: &str) -> BTreeSet<&'l str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = level[from].keys().map(String::as_str).collect();
    while let Some(at) = next.pop() {
        if reached.insert(at) {
            let edges = level.get(at).into_iter().flat_map(BTreeMap::keys);
            next.extend(edges.map(String::as_str));
        }
    }
    reached
}

type Steps<'e> = Vec<(String, &'e Edge)>;

/// The shortest way from any member back to itself.
fn shortest<'e>(level: &Level<'e>, members: &[String]) -> (String, Steps<'e>) {
    let circles = members
        .iter()
        .map(|member| (member.clone(), back_to(level, member)));
    let shortest = circles.min_by_key(|(_, steps)| steps.len());
    shortest.expect("a knot has members")
}

fn back_to<'e>(level: &Level<'e>, start: &str) -> Steps<'e> {
    let mut ways: VecDeque<(&str, Steps<'e>)> = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((at, way)) = ways.pop_front() {
        for (to, edge) in level.get(at).into_iter().flatten() {
            let mut way = way.clone();
            way.push((to.clone(), *edge));
            if to == start {
                return way;
            }
            if seen.insert(to.as_str()) {
                ways.push_back((to, way));
            }
        }
    }
    unreachable!("{start} is in a knot")
}

fn written((start, steps): &(String, Steps<'_>)) -> String {
    let mut text = start.clone();
    for (to, _) in steps {
        text += &format!(" -> {to}");
    }
    let mut from = start;
    for (to, edge) in steps {
        let (file, line, written) = (edge.file.display(), edge.line, &edge.written);
        text += &format!("\n    {from} -> {to}: {file}:{line}: {written}");
        from = to;
    }
    text
}
