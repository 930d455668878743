//! How a template file's statements are written, and what becomes of its line ends: the options of Ansible's `template`.

/// The marks of a template, and how blanks around its statements are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateOptions {
    /// `{{`
    pub variable_start: String,
    /// `}}`
    pub variable_end: String,
    /// `{%`
    pub block_start: String,
    /// `%}`
    pub block_end: String,
    /// `{#`
    pub comment_start: String,
    /// `#}`
    pub comment_end: String,
    /// What begins a line that is a statement; nothing: none is.
    pub line_statement: String,
    /// What begins a comment that ends with its line; nothing: none does.
    pub line_comment: String,
    /// Whether the line end behind a statement goes.
    pub trim_blocks: bool,
    /// Whether the blanks before a statement go.
    pub lstrip_blocks: bool,
    /// What ends a line of the result.
    pub newline: Newline,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Newline {
    /// `\n`
    #[default]
    Unix,
    /// `\r`
    Mac,
    /// `\r\n`
    Dos,
}

impl Newline {
    /// Its characters.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unix => "\n",
            Self::Mac => "\r",
            Self::Dos => "\r\n",
        }
    }
}

impl Default for TemplateOptions {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            variable_start: text("{{"),
            variable_end: text("}}"),
            block_start: text("{%"),
            block_end: text("%}"),
            comment_start: text("{#"),
            comment_end: text("#}"),
            line_statement: String::new(),
            line_comment: String::new(),
            trim_blocks: true,
            lstrip_blocks: false,
            newline: Newline::Unix,
        }
    }
}
