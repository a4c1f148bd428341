//! The macros for literal tags.

/// Begins a span of literal tags on this thread and gives its guard, a [`Span`](crate::Span).
///
/// ```
/// use nulltrace::{Id, span};
///
/// # #[cfg(feature = "mock")]
/// # let mock = nulltrace::mock::Mock::here();
/// let user = "ann";
/// let address = std::net::Ipv4Addr::LOCALHOST;
/// {
///     let _span = span!("checkout.pay", cart = 7, user);
/// }
/// let _span = span!("connect", to = %address, retries = ?[1, 2]);
/// let _job = span!(id: Id::Number(42), ["jobs", "clean.up"], "dry run" = true);
/// # drop((_span, _job));
/// # #[cfg(feature = "mock")]
/// # mock.expect()
/// #     .enter("checkout.pay").arg("cart", "7").arg("user", "ann").exit("checkout.pay")
/// #     .enter("connect").arg("to", "127.0.0.1").arg("retries", "[1, 2]")
/// #     .enter(&["jobs", "clean.up"]).arg("dry run", "true").id("42")
/// #     .exit("connect").exit(&["jobs", "clean.up"]).done();
/// ```
///
/// - **Tags**: a constant text, split by dots, or a list of constant texts, one tag each. Both markers are
///   made while compiling; without arguments the span is two writes of static bytes. Tags that no marker
///   can have are a compile error.
/// - **Arguments**: `name = value`, at most 64. A name is a word or a literal text, the first one not `^`; a
///   value anything that is a [`Value`](crate::Value), `%` before it takes its `Display`, `?` its `Debug`; a
///   lone name is the variable of that name. Values are borrowed, and formatted on the stack. **They are not
///   evaluated when tracing is off.**
/// - **Id**: `id: …` in front, an [`Id`](crate::Id). Without, it is that of the thread; in a
///   [`Context`](crate::Context) a number of its own, and the marker names the parent.
///
/// ```compile_fail
/// let _span = nulltrace::span!("checkout..pay"); // a tag is empty
/// ```
#[macro_export]
macro_rules! span {
    (id: $id:expr, [$($tag:expr),* $(,)?] $(, $($args:tt)*)?) => {
        $crate::__args!(@id ($crate::tracer!([$($tag),*]).id($id)) {} $($($args)*)?)
    };
    (id: $id:expr, $tag:expr $(, $($args:tt)*)?) => {
        $crate::__args!(@id ($crate::tracer!($tag).id($id)) {} $($($args)*)?)
    };
    ([$($tag:expr),* $(,)?] $(, $($args:tt)*)?) => {
        $crate::__args!(@span ($crate::tracer!([$($tag),*])) {} $($($args)*)?)
    };
    ($tag:expr $(, $($args:tt)*)?) => {
        $crate::__args!(@span ($crate::tracer!($tag)) {} $($($args)*)?)
    };
}

/// A [`Tracer`](crate::Tracer) of literal tags, as [`span!`](crate::span) takes them: a constant.
///
/// ```
/// use nulltrace::{Tracer, tracer};
///
/// static PAY: Tracer<'static> = tracer!("checkout.pay");
/// const GET: Tracer<'static> = tracer!(["example.org", "get"]);
///
/// drop((PAY.enter(), GET.enter()));
/// ```
#[macro_export]
macro_rules! tracer {
    ([$($tag:expr),* $(,)?]) => {
        $crate::__tracer!($crate::Path::List(&[$($tag),*]))
    };
    ($tag:expr) => {
        $crate::__tracer!($crate::Path::Text($tag))
    };
}

/// As `span!`, of a call: for `#[traced]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __call {
    ([$($tag:expr),* $(,)?] $(, $($args:tt)*)?) => {
        $crate::__args!(@call ($crate::tracer!([$($tag),*])) {} $($($args)*)?)
    };
    ($tag:expr $(, $($args:tt)*)?) => {
        $crate::__args!(@call ($crate::tracer!($tag)) {} $($($args)*)?)
    };
}

/// As `span!`, of a span that may move between threads: for `#[traced]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __task {
    ([$($tag:expr),* $(,)?] $(, $($args:tt)*)?) => {
        $crate::__args!(@task ($crate::tracer!([$($tag),*])) {} $($($args)*)?)
    };
    ($tag:expr $(, $($args:tt)*)?) => {
        $crate::__args!(@task ($crate::tracer!($tag)) {} $($($args)*)?)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tracer {
    ($path:expr) => {
        const {
            const PATH: $crate::Path<'static> = $path;
            const LEN: usize = $crate::__private::len(PATH);
            static MARKERS: [[u8; LEN]; 2] = $crate::__private::markers(PATH);
            static LITERAL: $crate::__private::Literal =
                $crate::__private::Literal::new(PATH, &MARKERS[0], &MARKERS[1]);
            $crate::Tracer::literal(&LITERAL)
        }
    };
}

/// Takes the arguments one by one, into `[name variable value]`. The variable is written the same each time,
/// but is another one in each expansion, so that each value gets its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __args {
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:ident = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [(stringify!($name)) value ($crate::display(&$value))]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:ident = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [(stringify!($name)) value ($crate::debug(&$value))]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [(stringify!($name)) value ($value)]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:literal = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [($name) value ($crate::display(&$value))]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:literal = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [($name) value ($crate::debug(&$value))]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)* [($name) value ($value)]} $($($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} %$name:ident $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)*} $name = %$name $(, $($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} ?$name:ident $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)*} $name = ?$name $(, $($rest)*)?)
    };
    (@$kind:ident $tracer:tt {$($done:tt)*} $name:ident $(, $($rest:tt)*)?) => {
        $crate::__args!(@$kind $tracer {$($done)*} $name = $name $(, $($rest)*)?)
    };
    (@span ($tracer:expr) {}) => {
        $tracer.enter()
    };
    (@id ($tracer:expr) {}) => {
        $tracer.enter()
    };
    (@call ($tracer:expr) {}) => {
        $crate::__private::Call::enter($tracer)
    };
    (@task ($tracer:expr) {}) => {
        $crate::__private::Task::enter($tracer, |_| ())
    };
    (@$kind:ident ($tracer:expr) {$([($name:expr) $variable:ident ($value:expr)])+}) => {
        if $crate::raw::on() {
            const _: () = $crate::__private::check_names(&[$($name),+]);
            match ($(&$value,)+) {
                ($($variable,)+) => $crate::__args!(@enter $kind $tracer, |args: &mut $crate::Args<'_>| {
                    $({
                        const NAME: $crate::__private::Name = $crate::__private::Name::new($name);
                        args.named(NAME, $variable);
                    })+
                }),
            }
        } else {
            $crate::__args!(@silent $kind $tracer)
        }
    };
    (@enter span $tracer:expr, $args:expr) => {
        $crate::Span::enter_on(|| $tracer, $args)
    };
    (@enter id $tracer:expr, $args:expr) => {
        $tracer.enter_with($args)
    };
    (@enter call $tracer:expr, $args:expr) => {
        $crate::__private::Call::enter_on(|| $tracer, $args)
    };
    (@enter task $tracer:expr, $args:expr) => {
        $crate::__private::Task::enter($tracer, $args)
    };
    (@silent id $tracer:expr) => {
        $crate::Span::silent($tracer)
    };
    (@silent span $tracer:expr) => {
        $crate::Span::silent($tracer)
    };
    (@silent call $tracer:expr) => {
        $crate::__private::Call::silent($tracer)
    };
    (@silent task $tracer:expr) => {
        $crate::__private::Task::silent($tracer)
    };
}
