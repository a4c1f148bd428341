//! Reads the files of one crate: which modules it has, what each declares, imports and names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, ImplItem, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use crate::cfg::{is_exported, is_for_tests, path_attribute};
use crate::tokens;

/// Gives the text of a file, or nothing if there is none.
pub(crate) type Files<'f> = &'f dyn Fn(&Path) -> Option<String>;

/// A path as it is written, `crate::a::B`, and where.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The first of a path that begins with `::` has that in front.
    pub(crate) segments: Vec<String>,
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

/// One name that a `use` brings.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: Name,
    /// It is there for others: `pub use`, with any restriction.
    pub(crate) is_reexport: bool,
}

/// A module, whether it has a file of its own or stands in braces.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) parent: Option<usize>,
    /// The module whose file it stands in: itself, or one around it.
    pub(crate) owner: usize,
    pub(crate) children: HashMap<String, usize>,
    /// What is declared here.
    pub(crate) items: HashSet<String>,
    /// What a `use` gives another name, or the same name here.
    pub(crate) aliases: HashMap<String, Vec<Name>>,
    /// `use …::*`
    pub(crate) globs: Vec<Name>,
    pub(crate) imports: Vec<Import>,
    /// The paths in the code.
    pub(crate) names: Vec<Name>,
}

/// All modules of one crate; the first is its root.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) modules: Vec<Module>,
    /// What it calls itself, as others do: `extern crate self as …`.
    pub(crate) own_name: Option<String>,
}

impl Source {
    /// Reads `root` and all files it declares, but for those that only tests have.
    pub(crate) fn read(root: &Path, files: Files<'_>) -> Self {
        let mut source = Self {
            modules: Vec::new(),
            own_name: None,
        };
        let module = source.add(String::new(), None, None);
        let folder = root.parent().expect("a file has a folder").to_owned();
        source.file(module, root, folder, files);
        source
    }

    /// Whether a path that begins so begins at the root.
    pub(crate) fn is_own_name(&self, first: &str) -> bool {
        self.own_name.as_deref() == Some(first.strip_prefix("::").unwrap_or(first))
    }

    fn add(&mut self, name: String, parent: Option<usize>, owner: Option<usize>) -> usize {
        let new = self.modules.len();
        self.modules.push(Module {
            name: name.clone(),
            parent,
            owner: owner.unwrap_or(new),
            children: HashMap::new(),
            items: HashSet::new(),
            aliases: HashMap::new(),
            globs: Vec::new(),
            imports: Vec::new(),
            names: Vec::new(),
        });
        if let Some(parent) = parent {
            self.modules[parent].children.insert(name, new);
        }
        new
    }

    fn file(&mut self, module: usize, path: &Path, folder: PathBuf, files: Files<'_>) {
        let text = files(path).unwrap_or_else(|| panic!("no file {}", path.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| {
            panic!("{}:{}: {error}", path.display(), error.span().start().line)
        });
        let mut reader = Reader {
            source: self,
            files,
            path,
            folder,
            module,
            in_body: false,
        };
        for item in &parsed.items {
            reader.visit_item(item);
        }
    }
}

struct Reader<'s> {
    source: &'s mut Source,
    files: Files<'s>,
    path: &'s Path,
    /// Where the files of the modules declared here are.
    folder: PathBuf,
    module: usize,
    /// In a function or the like: what is declared there is nobody else's.
    in_body: bool,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        &mut self.source.modules[self.module]
    }

    fn name(&self, segments: Vec<String>, span: Span) -> Name {
        Name {
            segments,
            file: self.path.to_owned(),
            line: span.start().line,
        }
    }

    fn declare(&mut self, item: &Item) {
        let ident = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::ExternCrate(item) => {
                if let (true, Some((_, name))) = (item.ident == "self", &item.rename) {
                    self.source.own_name = Some(name.unraw().to_string());
                }
                return;
            }
            Item::Macro(item) => {
                let Some(ident) = &item.ident else { return };
                if is_exported(&item.attrs) {
                    // Everyone names it by the root.
                    let mut path = vec!["crate".to_owned()];
                    path.extend(self.chain());
                    path.push(ident.to_string());
                    let name = self.name(path, ident.span());
                    if self.module != 0 {
                        let root = &mut self.source.modules[0];
                        root.aliases
                            .entry(ident.to_string())
                            .or_default()
                            .push(name);
                    }
                }
                ident
            }
            Item::ForeignMod(item) => {
                for item in &item.items {
                    let ident = match item {
                        syn::ForeignItem::Fn(item) => &item.sig.ident,
                        syn::ForeignItem::Static(item) => &item.ident,
                        syn::ForeignItem::Type(item) => &item.ident,
                        _ => continue,
                    };
                    self.module().items.insert(ident.unraw().to_string());
                }
                return;
            }
            _ => return,
        };
        self.module().items.insert(ident.unraw().to_string());
    }

    /// The names of the modules around this one and its own, without the root's.
    fn chain(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = self.module;
        while let Some(parent) = self.source.modules[at].parent {
            names.push(self.source.modules[at].name.clone());
            at = parent;
        }
        names.reverse();
        names
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_reexport: bool) {
        let with = |ident: &Ident| {
            let mut segments = before.to_vec();
            segments.push(ident.unraw().to_string());
            segments
        };
        match tree {
            UseTree::Path(tree) => self.import(&tree.tree, &with(&tree.ident), is_reexport),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, is_reexport);
                }
            }
            UseTree::Glob(glob) => {
                let name = self.name(before.to_vec(), glob.star_token.spans[0]);
                if !self.in_body {
                    self.module().globs.push(name.clone());
                }
                self.module().imports.push(Import { name, is_reexport });
            }
            UseTree::Name(one) if one.ident == "self" => {
                let name = self.name(before.to_vec(), one.ident.span());
                self.bring(before.last().cloned(), name, is_reexport);
            }
            UseTree::Name(one) => {
                let name = self.name(with(&one.ident), one.ident.span());
                self.bring(name.segments.last().cloned(), name, is_reexport);
            }
            UseTree::Rename(one) => {
                let segments = if one.ident == "self" {
                    before.to_vec()
                } else {
                    with(&one.ident)
                };
                let name = self.name(segments, one.ident.span());
                let bound = (one.rename != "_").then(|| one.rename.unraw().to_string());
                self.bring(bound, name, is_reexport);
            }
        }
    }

    fn bring(&mut self, bound: Option<String>, name: Name, is_reexport: bool) {
        if let (Some(bound), false) = (bound, self.in_body) {
            let aliases = &mut self.module().aliases;
            aliases.entry(bound).or_default().push(name.clone());
        }
        self.module().imports.push(Import { name, is_reexport });
    }

    fn child(&mut self, item: &ItemMod) {
        let name = item.ident.unraw().to_string();
        // A module may be declared for each of several systems: it is one, of several files.
        let known = self.module().children.get(&name).copied();
        if let Some((_, items)) = &item.content {
            let owner = self.source.modules[self.module].owner;
            let child = known.unwrap_or_else(|| {
                self.source
                    .add(name.clone(), Some(self.module), Some(owner))
            });
            let mut reader = Reader {
                source: &mut *self.source,
                files: self.files,
                path: self.path,
                folder: self.folder.join(&name),
                module: child,
                in_body: false,
            };
            for item in items {
                reader.visit_item(item);
            }
            return;
        }
        let child = known.unwrap_or_else(|| self.source.add(name.clone(), Some(self.module), None));
        let below = self.folder.join(&name);
        let (path, folder) = if let Some(path) = path_attribute(&item.attrs) {
            // What such a file declares lies beside it.
            let path = self.path.with_file_name("").join(path);
            let folder = path.parent().expect("a file has a folder").to_owned();
            (path, folder)
        } else {
            let beside = below.with_extension("rs");
            if (self.files)(&beside).is_some() {
                (beside, below)
            } else {
                (below.join("mod.rs"), below)
            }
        };
        self.source.file(child, &path, folder, self.files);
    }

    fn in_a_body(&mut self, read: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.in_body, true);
        read(self);
        self.in_body = before;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Mod(item) => return self.child(item),
            Item::Use(item) => return self.visit_item_use(item),
            _ => {}
        }
        if !self.in_body {
            self.declare(item);
        }
        self.in_a_body(|reader| visit::visit_item(reader, item));
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        match (&item.leading_colon, &item.tree) {
            (Some(_), UseTree::Path(tree)) => {
                let first = format!("::{}", tree.ident.unraw());
                self.import(&tree.tree, &[first], is_reexport);
            }
            // A whole crate, or several.
            (Some(_), _) => {}
            (None, tree) => self.import(tree, &[], is_reexport),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let mut segments: Vec<_> = segments.map(|one| one.ident.unraw().to_string()).collect();
        if path.leading_colon.is_some() {
            segments[0].insert_str(0, "::");
        }
        let name = self.name(segments, path.segments[0].ident.span());
        self.module().names.push(name);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        tokens::paths(item.tokens.clone(), &mut |segments, span| {
            let name = self.name(segments, span);
            self.module().names.push(name);
        });
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
