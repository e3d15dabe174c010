//! Writes a native event: one JSON object on one line, in the order of the contract.
//!
//! ```text
//! id time workspace lane session correlation_id parent_id request_id actor action target outcome severity service
//! proof reason error metadata seq recorded_at original_format original | original_base64
//! ```
//!
//! Invariants: absent fields are left out; every time has nine digits behind the second, so that texts sort as times do; the
//! line has no raw line break; reading it back gives the same event, except
//! that metadata with line breaks between its tokens comes back without that white space.

use super::{AuditEvent, EventError, Original, Proof, Timestamp};

impl AuditEvent {
    /// Appends the event as one line of native JSON, without a line feed.
    ///
    /// `seq` and `recorded_at` are what the log assigned, for rows of a query.
    ///
    /// ```
    /// # use indelible::{ActorType, AuditEvent};
    /// # let event = AuditEvent::in_workspace("acme").action("login").actor(ActorType::User, "u-7").target("app", "web")
    /// #     .succeeded().build()?;
    /// let mut line = Vec::new();
    /// event.write_native_json(Some(12), None, &mut line);
    /// assert_eq!(
    ///     String::from_utf8_lossy(&line),
    ///     r#"{"workspace":"acme","actor":{"type":"user","id":"u-7"},"action":"login","target":{"type":"app","id":"web"},"outcome":"success","severity":"info","seq":12}"#
    /// );
    /// # Ok::<(), indelible::EventInvalid>(())
    /// ```
    pub fn write_native_json(&self, seq: Option<u64>, recorded_at: Option<Timestamp>, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.optional("id", self.id.as_deref());
        object.time("time", self.time);
        object.text("workspace", &self.workspace);
        object.optional("lane", self.lane.as_deref());
        object.optional("session", self.session.as_deref());
        object.optional("correlation_id", self.correlation_id.as_deref());
        object.optional("parent_id", self.parent_id.as_deref());
        object.optional("request_id", self.request_id.as_deref());
        object.member("actor", |out| {
            let mut actor = Object::begin(out);
            actor.text("type", &self.actor.kind.to_string());
            actor.text("id", &self.actor.id);
            actor.optional("name", self.actor.name.as_deref());
            actor.optional("role", self.actor.role.as_deref());
            actor.optional("ip", self.actor.ip.as_deref());
            actor.optional("auth_method", self.actor.auth_method.as_deref());
            actor.end();
        });
        object.text("action", &self.action);
        object.member("target", |out| {
            let mut target = Object::begin(out);
            target.text("type", &self.target.kind);
            target.text("id", &self.target.id);
            target.end();
        });
        object.text("outcome", &self.outcome.to_string());
        object.text("severity", &self.severity.to_string());
        object.optional("service", self.service.as_deref());
        if let Some(proof) = &self.proof {
            object.member("proof", |out| write_proof(proof, out));
        }
        object.optional("reason", self.reason.as_deref());
        if let Some(error) = &self.error {
            object.member("error", |out| write_error(error, out));
        }
        if let Some(metadata) = &self.metadata {
            object.member("metadata", |out| out.extend_from_slice(metadata.one_line().as_bytes()));
        }
        if let Some(seq) = seq {
            object.member("seq", |out| out.extend_from_slice(seq.to_string().as_bytes()));
        }
        if let Some(recorded_at) = recorded_at {
            object.text("recorded_at", &recorded_at.to_rfc3339_nanos());
        }
        if let Some(original) = &self.original {
            write_original(original, &mut object);
        }
        object.end();
    }

    /// The event as one line of native JSON; see [`AuditEvent::write_native_json`].
    #[must_use]
    pub fn to_native_json(&self) -> String {
        let mut line = Vec::with_capacity(512);
        self.write_native_json(None, None, &mut line);
        // Everything written is UTF-8: strings, and metadata that is a string.
        String::from_utf8(line).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

fn write_proof(proof: &Proof, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.text("kind", &proof.kind.to_string());
    object.optional("data", proof.data.as_deref());
    object.optional("url", proof.url.as_deref());
    object.optional("hash", proof.hash.as_deref());
    object.time("captured_at", proof.captured_at);
    object.end();
}

fn write_error(error: &EventError, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.optional("code", error.code.as_deref());
    object.optional("message", error.message.as_deref());
    object.end();
}

fn write_original(original: &Original, object: &mut Object<'_>) {
    use base64::Engine as _;
    object.text("original_format", &original.format);
    match std::str::from_utf8(&original.bytes) {
        Ok(text) => object.text("original", text),
        Err(_) => {
            let base64 = base64::engine::general_purpose::STANDARD.encode(&original.bytes);
            object.text("original_base64", &base64);
        }
    }
}

/// An object being written, member by member.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    separator: u8,
}

impl<'a> Object<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        Self { out, separator: b'{' }
    }

    /// Writes a key that needs no escape, and lets the caller write its value.
    pub(crate) fn member(&mut self, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(self.separator);
        self.separator = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        value(self.out);
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.member(key, |out| write_string(text, out));
    }

    pub(crate) fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn time(&mut self, key: &str, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.text(key, &time.to_rfc3339_nanos());
        }
    }

    pub(crate) fn end(self) {
        if self.separator == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // A string into memory: neither serde nor the vector can fail.
    let _ = serde_json::to_writer(out, text);
}
