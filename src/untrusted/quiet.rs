//! The last line of defence around third-party parsers: a panic inside becomes an error, and prints nothing.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `parse`; `Err` holds the panic's message. The process-wide panic hook stays in force for every other thread
/// and for panics outside of `parse`.
pub(crate) fn catch<T>(parse: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    // Nothing that `parse` borrows is looked at again after a panic: the callers drop it.
    let result = panic::catch_unwind(AssertUnwindSafe(parse));
    QUIET.set(outer);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("unknown").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::catch;

    #[test]
    fn panic_becomes_its_message() {
        assert_eq!(catch(|| 3), Ok(3));
        assert_eq!(
            catch(|| -> u8 { panic!("index {}", 7) }),
            Err("index 7".to_owned())
        );
    }
}
