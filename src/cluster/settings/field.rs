//! What a setting is: one table, from which it is read, documented (`docs/cluster-settings.md`) and described to editors (JSON
//! Schema).

/// One setting.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Its value where none is given, as YAML would have it.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// What becomes of a change while the cluster lives.
    pub live: Live,
    /// What is to be known of a change, if anything is.
    pub note: &'static str,
    /// What it is about, in one sentence without a full stop.
    pub about: &'static str,
}

/// What the value of a setting is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number, from the first to the second.
    Whole(i64, i64),
    /// A text of this shape.
    Text(Shape),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several values of a kind.
    List(&'static Kind),
    /// Values by names of this shape.
    Map(Shape, &'static Kind),
    /// Settings of its own.
    Fields(&'static [Field]),
    /// Whatever the component that it is handed to understands.
    Free,
}

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Anything but nothing.
    Any,
    /// A name as Kubernetes has them for objects (RFC 1123 label).
    Label,
    /// The name of a host, of letters, digits and hyphens between dots.
    Host,
    /// An address, version 4 or 6.
    Address,
    /// The name of a host or an address.
    HostOrAddress,
    /// A network: an address and how many bits of it are the network's.
    Network,
    /// A version of Kubernetes: `v1.34.2`.
    Kubernetes,
    /// Any other version: `1.18.4`.
    Version,
    /// An address of the web, http or https.
    Url,
    /// A name or an address that a certificate may be good for: `*.example.net` too.
    CertificateName,
    /// A registry of images, perhaps with its port: `docker.io`; `_default` is all others (containerd's `certs.d`).
    Registry,
    /// The key of a label of Kubernetes': perhaps a prefix, a slash, a name.
    LabelKey,
    /// The value of one.
    LabelValue,
    /// A taint: `key=value:Effect` or `key:Effect`.
    Taint,
    /// A file's path; a relative one counts from the directory of the inventory.
    File,
}

/// What becomes of a changed setting while the cluster lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// The cluster is made to be as the setting says.
    Reconciled,
    /// It is refused, for this reason.
    Fixed(&'static str),
    /// The difference is shown, and nothing is done, for this reason.
    Drift(&'static str),
    /// Its own settings say.
    Parts,
}

impl Field {
    /// A setting that may be left out, and that the cluster is made to follow.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, default: None, required: false, live: Live::Reconciled, note: "", about: "" }
    }

    /// Settings below a name.
    pub const fn parts(name: &'static str, fields: &'static [Field]) -> Self {
        Self { live: Live::Parts, ..Self::new(name, Kind::Fields(fields)) }
    }

    /// Its value when none is given.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// It must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A change is refused while the cluster lives.
    #[must_use]
    pub const fn fixed(mut self, why: &'static str) -> Self {
        self.live = Live::Fixed(why);
        self
    }

    /// A difference is only shown.
    #[must_use]
    pub const fn drift(mut self, why: &'static str) -> Self {
        self.live = Live::Drift(why);
        self
    }

    /// What is to be known of a change.
    #[must_use]
    pub const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// What it is about.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }
}
