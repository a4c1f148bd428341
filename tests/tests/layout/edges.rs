//! Who imports whom: the names of a crate, each followed to the module that declares it.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::source::{Module, Name, Source};

/// One module's file names something of another's.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    pub(crate) written: String,
}

/// Where a name stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In a `use`, which may be there for others.
    Import(bool),
    Code,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    /// Something that this module declares.
    Item(usize),
}

/// The edges of a crate, between modules with a file of their own.
pub(crate) fn edges(source: &Source) -> Vec<Edge> {
    let mut edges = Edges {
        source,
        found: Vec::new(),
    };
    for (at, module) in source.modules.iter().enumerate() {
        for import in &module.imports {
            edges.add(at, &import.name, Place::Import(import.is_reexport));
        }
        for name in &module.names {
            edges.add(at, name, Place::Code);
        }
    }
    edges.found
}

struct Edges<'s> {
    source: &'s Source,
    found: Vec<Edge>,
}

impl Edges<'_> {
    fn add(&mut self, from: usize, name: &Name, place: Place) {
        let mut way = Way {
            source: self.source,
            passed: Vec::new(),
            seen: HashSet::new(),
        };
        // A `use` brings the module and the function of a name; paths go through the module.
        let Some(found) = way.resolve(from, &name.segments, place != Place::Code) else {
            return;
        };
        let (to, is_module) = match found {
            Found::Module(to) => (to, true),
            Found::Item(to) => (to, false),
        };
        if is_module && place == Place::Code {
            return; // A variable of a module's name.
        }
        // To name what is around says nothing yet: what is taken from there is named by a longer path.
        let names_around = is_module && self.is_around(to, from);
        // A module may show to others what is in it.
        let shows = place == Place::Import(true) && self.is_around(from, to);
        if !names_around && !shows {
            self.push(from, to, name);
        }
        for passed in way.passed {
            // Through what is around, as the root, one gets at what it declares without using it.
            if !self.is_around(passed, from) && !shows {
                self.push(from, passed, name);
            }
        }
    }

    fn push(&mut self, from: usize, to: usize, name: &Name) {
        let owner = |module: usize| self.source.modules[module].owner;
        let (from, to) = (owner(from), owner(to));
        if from != to {
            self.found.push(Edge {
                from,
                to,
                file: name.file.clone(),
                line: name.line,
                written: name.segments.join("::"),
            });
        }
    }

    /// Whether `outer` is `inner`, or a module around it.
    fn is_around(&self, outer: usize, inner: usize) -> bool {
        let around = |at: &usize| self.source.modules[*at].parent;
        std::iter::successors(Some(inner), around).any(|at| at == outer)
    }
}

struct Way<'s> {
    source: &'s Source,
    /// The modules whose `use` lines the name goes through.
    passed: Vec<usize>,
    seen: HashSet<(usize, String)>,
}

impl Way<'_> {
    fn module(&self, module: usize) -> &Module {
        &self.source.modules[module]
    }

    /// `None`: another crate's, or nothing that a module declares, as a variable.
    fn resolve(&mut self, from: usize, segments: &[String], to_module: bool) -> Option<Found> {
        let mut segments = segments.iter();
        let first = segments.next()?;
        let mut at = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.module(from).parent?),
            "Self" => return None,
            name if self.source.is_own_name(name) => Found::Module(0),
            // Another crate's, whatever is called so here.
            name if name.starts_with("::") => return None,
            name => self.look_up(from, name, to_module || segments.len() > 0)?,
        };
        while let Some(name) = segments.next() {
            // What follows an item is its own: a variant, a function of a type.
            let Found::Module(module) = at else { break };
            at = if name == "super" {
                Found::Module(self.module(module).parent?)
            } else {
                // What is not found is made by a macro there.
                let found = self.look_up(module, name, to_module || segments.len() > 0);
                found.unwrap_or(Found::Item(module))
            };
        }
        Some(at)
    }

    /// What `name` is in `module`: a module rather than an item if one is wanted, as all but the last of a path.
    fn look_up(&mut self, module: usize, name: &str, wants_module: bool) -> Option<Found> {
        if !self.seen.insert((module, name.to_owned())) {
            return None;
        }
        let child = self.module(module).children.get(name).copied();
        let is_item = self.module(module).items.contains(name);
        match child {
            Some(child) if wants_module || !is_item => return Some(Found::Module(child)),
            _ if is_item => return Some(Found::Item(module)),
            _ => {}
        }
        let source = self.source;
        let aliases = source.modules[module].aliases.get(name);
        for alias in aliases.into_iter().flatten() {
            if let Some(found) = self.resolve(module, &alias.segments, wants_module) {
                self.passed.push(module);
                return Some(found);
            }
        }
        for glob in &source.modules[module].globs {
            if let Some(Found::Module(from)) = self.resolve(module, &glob.segments, true)
                && let Some(found) = self.look_up(from, name, wants_module)
            {
                self.passed.push(module);
                return Some(found);
            }
        }
        None
    }
}
