//! C++ identifiers: which ones a project may be called by, and unique ones for layers.

use std::collections::BTreeSet;

/// Keywords of C++11 to C++20 and the alternative operators.
const KEYWORDS: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
];

/// Macros of the C library, of compilers and of the vendor headers that are not in capitals.
const MACROS: &[&str] = &[
    "assert", "errno", "i386", "isfinite", "isinf", "isnan", "isnormal", "linux", "major",
    "makedev", "minor", "offsetof", "setjmp", "signbit", "stderr", "stdin", "stdout", "unix",
    "va_arg", "va_copy", "va_end", "va_start",
];

/// Names that the generated project, the headers or the language need for themselves.
const TAKEN: &[&str] = &["ac", "hls", "main", "nnet", "ssdm", "std", "x", "y"];

/// Names of the global namespace of C and POSIX that the vendor headers bring in: a namespace of
/// the same name would not compile.
const LIBRARY: &[&str] = &[
    "abort",
    "abs",
    "accept",
    "access",
    "acos",
    "acosh",
    "alarm",
    "alloca",
    "asctime",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "atexit",
    "atof",
    "atoi",
    "atol",
    "atoll",
    "bcmp",
    "bcopy",
    "brk",
    "bsearch",
    "bzero",
    "calloc",
    "cbrt",
    "ceil",
    "chdir",
    "chmod",
    "chown",
    "clearenv",
    "clock",
    "clock_t",
    "clone",
    "close",
    "confstr",
    "copysign",
    "cos",
    "cosh",
    "crypt",
    "ctermid",
    "ctime",
    "daemon",
    "daylight",
    "difftime",
    "div",
    "div_t",
    "dprintf",
    "drand48",
    "drem",
    "dup",
    "dysize",
    "ecvt",
    "environ",
    "erand48",
    "erf",
    "erfc",
    "execl",
    "execv",
    "exit",
    "exp",
    "exp10",
    "exp2",
    "expm1",
    "fabs",
    "fclose",
    "fcvt",
    "fdim",
    "fdopen",
    "feof",
    "ferror",
    "fflush",
    "ffs",
    "fgetc",
    "fgetpos",
    "fgets",
    "fileno",
    "finite",
    "float_t",
    "double_t",
    "flockfile",
    "floor",
    "fma",
    "fmax",
    "fmin",
    "fmod",
    "fopen",
    "fork",
    "fpos_t",
    "fprintf",
    "fputc",
    "fputs",
    "fread",
    "free",
    "freopen",
    "frexp",
    "fscanf",
    "fseek",
    "fsetpos",
    "fsync",
    "ftell",
    "ftruncate",
    "fwrite",
    "gamma",
    "gcvt",
    "getc",
    "getchar",
    "getdate",
    "getenv",
    "getline",
    "getopt",
    "getpid",
    "gets",
    "getw",
    "gmtime",
    "hypot",
    "ilogb",
    "index",
    "initstate",
    "int16_t",
    "int32_t",
    "int64_t",
    "int8_t",
    "isalnum",
    "isalpha",
    "isatty",
    "isblank",
    "iscntrl",
    "isdigit",
    "isgraph",
    "islower",
    "isprint",
    "ispunct",
    "isspace",
    "isupper",
    "isxdigit",
    "j0",
    "j1",
    "jn",
    "jrand48",
    "kill",
    "labs",
    "lconv",
    "ldexp",
    "ldiv",
    "lgamma",
    "link",
    "llabs",
    "llrint",
    "llround",
    "localeconv",
    "localtime",
    "locale_t",
    "lockf",
    "log",
    "log10",
    "log1p",
    "log2",
    "logb",
    "lrand48",
    "lrint",
    "lround",
    "lseek",
    "malloc",
    "mblen",
    "mbstowcs",
    "mbtowc",
    "memccpy",
    "memchr",
    "memcmp",
    "memcpy",
    "memfrob",
    "memmem",
    "memmove",
    "mempcpy",
    "memset",
    "mkdtemp",
    "mkstemp",
    "mktemp",
    "mktime",
    "modf",
    "mrand48",
    "nan",
    "nanosleep",
    "nearbyint",
    "nextafter",
    "nice",
    "nrand48",
    "obstack",
    "off_t",
    "on_exit",
    "optarg",
    "opterr",
    "optind",
    "optopt",
    "pause",
    "pclose",
    "perror",
    "pipe",
    "popen",
    "pow",
    "pread",
    "printf",
    "profil",
    "psignal",
    "ptrdiff_t",
    "putc",
    "putchar",
    "putenv",
    "puts",
    "putw",
    "pwrite",
    "qsort",
    "raise",
    "rand",
    "random",
    "read",
    "realloc",
    "realpath",
    "remainder",
    "remove",
    "remquo",
    "rename",
    "revoke",
    "rewind",
    "rindex",
    "rint",
    "rmdir",
    "round",
    "rpmatch",
    "sbrk",
    "scalb",
    "scalbn",
    "scanf",
    "select",
    "setbuf",
    "setenv",
    "setlinebuf",
    "setlocale",
    "setvbuf",
    "sigaction",
    "signal",
    "significand",
    "sigset_t",
    "sin",
    "sincos",
    "sinh",
    "size_t",
    "sleep",
    "snprintf",
    "sprintf",
    "sqrt",
    "srand",
    "srand48",
    "srandom",
    "sscanf",
    "ssize_t",
    "stime",
    "strcasecmp",
    "strcat",
    "strchr",
    "strcmp",
    "strcoll",
    "strcpy",
    "strcspn",
    "strdup",
    "strerror",
    "strfry",
    "strftime",
    "strlen",
    "strncat",
    "strncmp",
    "strncpy",
    "strndup",
    "strpbrk",
    "strrchr",
    "strsep",
    "strsignal",
    "strspn",
    "strstr",
    "strtod",
    "strtof",
    "strtok",
    "strtol",
    "strtold",
    "strtoll",
    "strtoul",
    "strtoull",
    "strverscmp",
    "strxfrm",
    "swab",
    "symlink",
    "sync",
    "syscall",
    "sysconf",
    "system",
    "tan",
    "tanh",
    "tempnam",
    "tgamma",
    "time",
    "time_t",
    "timegm",
    "timelocal",
    "timespec",
    "timeval",
    "timezone",
    "tm",
    "tmpfile",
    "tmpnam",
    "tolower",
    "toupper",
    "trunc",
    "truncate",
    "ttyname",
    "tzname",
    "tzset",
    "ualarm",
    "ungetc",
    "unlink",
    "unsetenv",
    "usleep",
    "vdprintf",
    "vfork",
    "vfprintf",
    "vfscanf",
    "vprintf",
    "vscanf",
    "vsnprintf",
    "vsprintf",
    "vsscanf",
    "wait",
    "wcstombs",
    "wctomb",
    "write",
    "y0",
    "y1",
    "yn",
];

/// Prefixes of the vendor headers and of the types that this crate names.
const PREFIXES: &[&str] = &["ac_", "ap_", "AC_", "AP_", "CCS_", "QK_", "ssdm_"];

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reserved to the language and its implementations.
fn is_reserved(name: &str) -> bool {
    name.starts_with('_') || name.contains("__") || KEYWORDS.contains(&name)
}

/// Why a project cannot have this name, if it cannot.
///
/// The name becomes a namespace, a function, file names and the prefix of C functions.
pub(crate) fn refuse_project(name: &str) -> Option<String> {
    let because = if !is_identifier(name) {
        "is no C++ identifier: letters, digits and `_` are allowed, and no digit at the start"
    } else if KEYWORDS.contains(&name) {
        "is a C++ keyword"
    } else if is_reserved(name) {
        "is reserved in C++: it must not start with `_` or contain `__`"
    } else if TAKEN.contains(&name)
        || LIBRARY.contains(&name)
        || MACROS.contains(&name)
        || PREFIXES.iter().any(|p| name.starts_with(p))
        || is_all_capitals(name)
    {
        "would clash with a name of the C library or of the vendor headers"
    } else if name.len() > 64 {
        "is longer than 64 letters"
    } else {
        return None;
    };
    Some(because.to_owned())
}

/// The usual look of a macro.
fn is_all_capitals(name: &str) -> bool {
    name.len() > 1
        && name.chars().any(|c| c.is_ascii_uppercase())
        && !name.chars().any(|c| c.is_ascii_lowercase())
}

/// Hands out identifiers that are valid, unique and close to what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Namer {
    used: BTreeSet<String>,
}

impl Namer {
    /// A namer that also keeps away from these names.
    pub(crate) fn avoiding<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            used: names.into_iter().map(str::to_owned).collect(),
        }
    }

    /// An identifier for `wanted`: the name itself where it can stay.
    ///
    /// Other characters become `_`; a number is appended when the name is taken. Names that this
    /// crate gives to types, arrays and structs of a project (`layer3_t`, `w2`, `config5`) are not
    /// given to anything else.
    pub(crate) fn unique(&mut self, wanted: &str) -> String {
        let mut base = String::new();
        for c in wanted.chars() {
            let c = if c.is_ascii_alphanumeric() { c } else { '_' };
            if c != '_' || !base.ends_with('_') {
                base.push(c);
            }
        }
        let mut base = base.trim_matches('_').to_owned();
        if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) {
            base = format!("layer_{base}").trim_end_matches('_').to_owned();
        }
        base.truncate(64);
        if is_reserved(&base)
            || TAKEN.contains(&base.as_str())
            || MACROS.contains(&base.as_str())
            || LIBRARY.contains(&base.as_str())
            || PREFIXES.iter().any(|p| base.starts_with(p))
            || is_all_capitals(&base)
            || is_ours(&base)
        {
            base = format!("layer_{base}");
        }
        let mut name = base.clone();
        for n in 2.. {
            if self.used.insert(name.clone()) {
                break;
            }
            name = format!("{base}_{n}");
        }
        name
    }
}

/// Whether the name looks like one that a project's own types and constants have: letters, a
/// number, perhaps a suffix.
fn is_ours(name: &str) -> bool {
    const CONSTANTS: &[&str] = &[
        "above_add",
        "above_mul",
        "add",
        "align",
        "b",
        "before",
        "below_add",
        "below_mul",
        "config",
        "extent",
        "first",
        "format",
        "hi",
        "inside",
        "lo",
        "mul",
        "place",
        "row",
        "shift",
        "step",
        "table",
        "threshold",
        "times",
        "total",
        "value",
        "w",
    ];
    const TYPES: &[&str] = &[
        "accum", "bias", "cast", "input", "layer", "result", "weight",
    ];
    let digit = |c: char| c.is_ascii_digit() || c == '_';
    match name
        .strip_suffix("_t")
        .or_else(|| name.strip_suffix("_out"))
    {
        Some(typed) => TYPES.contains(&typed.trim_end_matches(digit)),
        None => {
            let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
            letters.len() < name.len() && CONSTANTS.contains(&letters)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_names_stay_where_they_can() {
        let mut namer = Namer::avoiding(["myproject"]);
        for (wanted, given) in [
            ("fc1", "fc1"),
            ("fc1", "fc1_2"),
            ("fc1_2", "fc1_2_2"),
            ("q_act/relu", "q_act_relu"),
            ("block-1.conv", "block_1_conv"),
            ("class", "layer_class"),
            ("1st", "layer_1st"),
            ("", "layer"),
            ("__x__y__", "x_y"),
            ("layer3_t", "layer_layer3_t"),
            ("w2", "layer_w2"),
            ("EOF", "layer_EOF"),
            ("myproject", "myproject_2"),
            ("größe", "gr_e"),
            ("gr_e", "gr_e_2"),
        ] {
            assert_eq!(namer.unique(wanted), given, "{wanted}");
        }
    }

    #[test]
    fn project_names() {
        for good in ["myproject", "jet3", "Tagger_v2"] {
            assert_eq!(refuse_project(good), None, "{good}");
        }
        for bad in [
            "", "3net", "my-net", "class", "_x", "a__b", "std", "printf", "ap_net", "EOF", "linux",
            "größe",
        ] {
            assert!(refuse_project(bad).is_some(), "{bad}");
        }
    }
}
