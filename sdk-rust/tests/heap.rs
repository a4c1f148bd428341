//! No span touches the heap.
#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use nulltrace::{Context, Id, Span, TracedExt, Tracer, raw, span, tracer};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's own, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_span_allocates() {
    let text = String::from("a:b\nc");
    let address = std::net::Ipv4Addr::LOCALHOST;
    let path = String::from("heap.dynamic");
    let before = COUNT.with(Cell::get);

    for n in 0..if cfg!(miri) { 5_u32 } else { 100 } {
        let outer =
            span!("heap", n, text = text, at = %address, list = ?[1.5, 2.5], big = u128::MAX);
        outer.record("text", &text);
        outer.record("at", nulltrace::display(&address));
        let child = outer.child("child");
        drop(child.child_with("grand.child", |args| {
            args.arg("n", n);
        }));
        drop(Span::enter(&path));
        drop(Span::enter_as(Id::unique(), &["a", "b.c"]));
        drop(Tracer::new(&path).enter());
        tracer!("heap.task").enter().exit_with(|args| {
            args.arg("error", nulltrace::error("x"));
        });
        let mut future = std::pin::pin!(async { 7 }.traced("heap.future"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
        let numbered = async {
            let task = span!("heap.numbered", n);
            drop(task.child("child"));
            drop(Span::enter(&path));
        };
        let numbered = numbered.traced("heap.future").parent(Context::ROOT);
        let mut numbered = std::pin::pin!(numbered.in_current_context());
        assert!(numbered.as_mut().poll(&mut context).is_ready());
        let mut buffer = raw::Buffer::new();
        raw::write(raw::encode(&mut buffer, raw::Dir::Enter, Id::Global, &[b"a"], &[]).unwrap());
    }
    assert_eq!(COUNT.with(Cell::get), before);

    // The count counts.
    drop(std::hint::black_box(Box::new(7)));
    assert_eq!(COUNT.with(Cell::get), before + 1);
}
