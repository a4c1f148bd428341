//! How much of the stack a span takes: what each level of a recursion needs more than the same without it. An argument
//! is the most bytes that a level may take, where a guard may have 256 more for what it records; ends with an error if
//! one takes more.

use std::hint::black_box;
use std::process::ExitCode;

use nulltrace::{span, traced};

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
}

/// How many bytes a level takes.
fn level(function: fn(usize) -> usize) -> usize {
    (function(0) - function(LEVELS)) / LEVELS
}

fn main() -> ExitCode {
    let most: usize = std::env::args()
        .nth(1)
        .and_then(|most| most.parse().ok())
        .unwrap_or(0);
    let mut good = true;
    for (name, function, recorded) in [
        ("#[traced]", traced as fn(usize) -> usize, 0),
        ("#[traced(args)]", traced_args, 0),
        ("#[traced(ret)]", traced_ret, 0),
        ("span!", span, 256),
        ("span! with arguments", span_args, 256),
        ("span! with recorded ones", recorded, 256),
    ] {
        let bytes = level(function) - level(plain);
        println!("{name}: {bytes} bytes a level");
        good &= bytes <= most + recorded;
    }
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
