//! How much of the stack a span takes: what each level of a recursion needs more than the same without it. An argument
//! is the most bytes that a level may take; ends with an error if one takes more.

use std::hint::black_box;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

use nulltrace::{Span, span, traced};

const LEVELS: usize = 60;

/// Where the stack is.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    black_box(&raw const local) as usize
}

/// Functions that call themselves, with something in each level, and give where the stack is in the last.
macro_rules! recursions {
    ($($(#[$attribute:meta])* $name:ident($level:ident) { $($inside:tt)* })*) => {$(
        $(#[$attribute])*
        #[inline(never)]
        fn $name($level: usize) -> usize {
            $($inside)*
            let deepest = match $level {
                0 => here(),
                _ => $name(black_box($level - 1)),
            };
            black_box(deepest)
        }
    )*};
}

recursions! {
    plain(level) {}
    #[traced]
    traced(level) {}
    #[traced("stack.traced", args(level, twice = level * 2))]
    traced_args(level) {}
    #[traced(ret)]
    traced_ret(level) {}
    span(level) { let _span = span!("stack.span"); }
    span_args(level) { let _span = span!("stack.span", level, name = "ann", twice = level * 2); }
    recorded(level) {
        let span = span!("stack.span", level);
        span.record("level", level);
    }
    entered(level) { let _span = Span::enter(black_box("stack.span")); }
    child(level) {
        let span = span!("stack");
        let _child = span.child(black_box("span"));
    }
}

/// The same of futures, each within the next.
macro_rules! futures {
    ($($(#[$attribute:meta])* $name:ident $call:ident($level:ident))*) => {$(
        fn $name(level: usize) -> usize {
            let mut future = $call(level);
            let mut context = Context::from_waker(Waker::noop());
            match future.as_mut().poll(&mut context) {
                Poll::Ready(deepest) => deepest,
                Poll::Pending => 0,
            }
        }

        #[inline(never)]
        fn $call(level: usize) -> Pin<Box<dyn Future<Output = usize>>> {
            $(#[$attribute])*
            async fn call($level: usize) -> usize {
                match $level {
                    0 => here(),
                    _ => $call(black_box($level - 1)).await,
                }
            }
            Box::pin(call(level))
        }
    )*};
}

futures! {
    plain_async call_plain(level)
    #[traced("stack.async", args(level))]
    traced_async call_traced(level)
}

/// How many bytes a level takes more than another.
fn more(than: fn(usize) -> usize, function: fn(usize) -> usize) -> usize {
    let level = |function: fn(usize) -> usize| (function(0) - function(LEVELS)) / LEVELS;
    level(function) - level(than)
}

fn main() -> ExitCode {
    let most = std::env::args().nth(1);
    let most: usize = most.and_then(|most| most.parse().ok()).unwrap_or(0);
    let mut good = true;
    for (name, bytes) in [
        ("#[traced]", more(plain, traced)),
        ("#[traced(args)]", more(plain, traced_args)),
        ("#[traced(ret)]", more(plain, traced_ret)),
        ("#[traced] async", more(plain_async, traced_async)),
        ("span!", more(plain, span)),
        ("span! with arguments", more(plain, span_args)),
        ("span! with recorded ones", more(plain, recorded)),
        ("Span::enter", more(plain, entered)),
        // Two guards in each level.
        ("Span::child", more(plain, child) / 2),
    ] {
        println!("{name}: {bytes} bytes a level");
        good &= bytes <= most;
    }
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
