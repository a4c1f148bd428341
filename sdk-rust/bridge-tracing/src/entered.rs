//! The spans that a thread is in: each is the current one for what begins there, as `tracing` sees it.

use core::cell::Cell;

use nulltrace::__private::{enter as make_current, leave};

/// How deep a thread's spans are kept; those deeper are not current.
const DEPTH: usize = 64;

/// The number of an entry that has none of its own.
pub(crate) const PLAIN: i64 = 0;

#[derive(Clone, Copy)]
struct Entry {
    /// As `tracing` numbers them.
    span: u64,
    /// As the markers do.
    number: i64,
    /// What was current before.
    outer: i64,
}

impl Entry {
    const NONE: Self = Self {
        span: 0,
        number: PLAIN,
        outer: PLAIN,
    };
}

struct Entered {
    entries: [Cell<Entry>; DEPTH],
    count: Cell<usize>,
    /// How many there are that are not kept.
    deeper: Cell<usize>,
}

thread_local! {
    // Const and without a destructor: no more than a place in memory.
    static ENTERED: Entered = const {
        Entered {
            entries: [const { Cell::new(Entry::NONE) }; DEPTH],
            count: Cell::new(0),
            deeper: Cell::new(0),
        }
    };
}

/// Makes the span current on this thread; false if it is too deep for that.
#[inline]
pub(crate) fn enter(span: u64, number: i64) -> bool {
    ENTERED.with(|entered| {
        let count = entered.count.get();
        let Some(entry) = entered.entries.get(count) else {
            entered.deeper.set(entered.deeper.get() + 1);
            return false;
        };
        entered.count.set(count + 1);
        let outer = make_current(number);
        entry.set(Entry {
            span,
            number,
            outer,
        });
        true
    })
}

/// Ends that, in any order; gives its number. Of one that was too deep it gives [`PLAIN`].
#[inline]
pub(crate) fn exit(span: u64) -> Option<i64> {
    ENTERED.with(|entered| {
        let entries = &entered.entries[..entered.count.get().min(DEPTH)];
        let (last, outer) = entries.split_last()?;
        let at = match last.get().span == span {
            true => outer.len(),
            false => match any(outer, span) {
                Some(at) => at,
                None => return entered.too_deep(),
            },
        };
        let entry = entries[at].get();
        leave(entry.number, entry.outer);
        for pair in entries[at..].windows(2) {
            pair[0].set(pair[1].get());
        }
        entered.count.set(outer.len());
        Some(entry.number)
    })
}

impl Entered {
    #[cold]
    fn too_deep(&self) -> Option<i64> {
        let deeper = self.deeper.get().checked_sub(1)?;
        self.deeper.set(deeper);
        Some(PLAIN)
    }
}

/// Where the innermost entry of a span is that is not the last: a thread may leave its spans in any order.
#[cold]
fn any(entries: &[Cell<Entry>], span: u64) -> Option<usize> {
    entries.iter().rposition(|entry| entry.get().span == span)
}
