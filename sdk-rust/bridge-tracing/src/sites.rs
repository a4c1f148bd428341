//! What is known of a call site before its first span.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::OnceLock;

use nulltrace::Id;
use nulltrace::raw::{self, Buffer, Dir};
use tracing::Metadata;

use crate::tags::Tags;

/// A call site.
pub(crate) struct Site {
    /// Where its metadata lie: static, so that is what they are known by.
    address: usize,
    /// Its tags as the simple form has them, with the colon before and behind. `None` if that form
    /// cannot have them, or they are long.
    tags: Option<Text>,
    /// Some span of it has recorded a field after it began.
    late: AtomicBool,
    silent: bool,
}

/// There are sites whose spans are not written.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Whether no marker can say the spans of a site: they have no name, or a field without one, or their first would be
/// taken for the parent.
pub(crate) fn is_silent(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    let silent = metadata.name().is_empty()
        || fields.iter().any(|field| field.name().is_empty())
        || fields
            .iter()
            .next()
            .is_some_and(|first| first.name() == "^");
    if silent {
        SILENT.store(true, Relaxed);
    }
    silent
}

/// Whether there may be such a site.
#[inline(always)]
pub(crate) fn any_silent() -> bool {
    SILENT.load(Relaxed)
}

/// A short text, with what stands behind it in an enter.
pub(crate) struct Text {
    /// All of it is copied, which is quicker than to find its length.
    pub(crate) bytes: [u8; TEXT_MAX],
    /// Without [`PARENT`].
    pub(crate) len: usize,
}

/// The argument that names the parent, but for its number.
pub(crate) const PARENT: &[u8] = b"^=";

const TEXT_MAX: usize = 64;

impl Text {
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; TEXT_MAX];
        let (to, behind) = bytes.split_at_mut_checked(text.len())?;
        to.copy_from_slice(text);
        behind.get_mut(..PARENT.len())?.copy_from_slice(PARENT);
        Some(Self {
            bytes,
            len: text.len(),
        })
    }
}

/// How many call sites are known; those beyond are served too, slower.
const SITES_MAX: usize = 1024;
/// How many places a site may have.
const TRIES: usize = 8;
static SITES: [OnceLock<Site>; SITES_MAX] = [const { OnceLock::new() }; SITES_MAX];

/// Its places, the best first.
#[inline(always)]
fn places(address: usize) -> impl Iterator<Item = &'static OnceLock<Site>> {
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    (0..TRIES).map(move |offset| &SITES[(hash as usize + offset) % SITES_MAX])
}

/// Learns of a call site; if there is no place left for it, nothing.
pub(crate) fn learn(metadata: &'static Metadata<'static>) {
    let address = core::ptr::from_ref(metadata) as usize;
    for place in places(address) {
        if place.get_or_init(|| Site::new(address, metadata)).address == address {
            return;
        }
    }
}

/// The site, if it is known.
#[inline(always)]
pub(crate) fn find(metadata: &'static Metadata<'static>) -> Option<&'static Site> {
    let address = core::ptr::from_ref(metadata) as usize;
    places(address)
        .map_while(OnceLock::get)
        .find(|site| site.address == address)
}

impl Site {
    fn new(address: usize, metadata: &'static Metadata<'static>) -> Self {
        let mut buffer = Buffer::new();
        let mut tags = Tags::new();
        tags.prepend(metadata.name());
        let marker = raw::encode(&mut buffer, Dir::Enter, Id::Empty, tags.get(), &[]);
        // `>::tags::`; what is refused or JSON is not of that kind.
        let tags = marker.ok().and_then(|marker| marker.strip_prefix(b">:"));
        let tags = tags.and_then(|tags| Text::new(tags.strip_suffix(b":")?));
        Self {
            address,
            tags,
            late: AtomicBool::new(false),
            silent: is_silent(metadata),
        }
    }

    #[inline(always)]
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    #[inline(always)]
    pub(crate) fn tags(&self) -> Option<&Text> {
        self.tags.as_ref()
    }

    /// From now on its spans are searched for such fields when they end.
    pub(crate) fn records_late(&self) {
        // The end of the span comes later, by whatever makes the end of a span come last.
        self.late.store(true, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn has_late(&self) -> bool {
        self.late.load(Relaxed)
    }
}
