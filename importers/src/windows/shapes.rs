//! The shapes in which tools write one Windows event, made alike before its fields are looked at.
//!
//! | tool | shape |
//! |---|---|
//! | nxlog, winlogbeat | flat, or under `winlog` and `event_data`: the caller's |
//! | evtx_dump and its bindings | `{"Event":{"System":{..},"EventData":{..}}}`, attributes under `#attributes`, text under `#text` |
//! | `Get-WinEvent \| ConvertTo-Json` | flat: `Id`, `ProviderName`, `LogName`, `MachineName`, `/Date(ms)/` |
//! | forwarders | `EventID` as a number, a text, `{"Qualifiers":..,"Value":..}` or an array of one |
//!
//! Invariant: what an event's envelope says is never replaced by its data, which may have fields of the same names: those of
//! `Get-WinEvent` count only where there is no `EventID`.

use std::borrow::Cow;

use super::Record;
use crate::members::{Raw, elements, members};

members!(Evtx { system: "System", data: "EventData", user_data: "UserData" });
members!(Attributes { attributes: "#attributes" | "@attributes" });
members!(Named { name: "Name" | "SystemTime" | "ActivityID" | "UserID" });
members!(Valued { value: "#text" | "Value" | "value" });

impl<'a> Record<'a> {
    /// This record with its nested parts in their places.
    pub(super) fn unfolded(mut self, event: Raw<'a>) -> Self {
        if self.event_id.is_none() && self.shell_provider.is_some() {
            self.take_shell_names();
        }
        let evtx = Evtx::nested(event);
        self.fill_from(&Record::nested(evtx.system));
        // Some exports have the System part at the top.
        self.fill_from(&Record::nested(evtx.data));
        self.fill_from(&user_data(evtx.user_data));
        self.event_id = plain(self.event_id);
        self.record_number = plain(self.record_number);
        self.user_sid = plain(self.user_sid.or(attribute(self.security)));
        self.provider = self.provider.or(attribute(self.provider_object));
        self.activity = self.activity.or(attribute(self.correlation));
        self.time_created = attribute(self.time_created).or(self.time_created);
        self
    }
}

impl Record<'_> {
    /// Takes the envelope as `Get-WinEvent` names it.
    fn take_shell_names(&mut self) {
        self.event_id = self.shell_id;
        self.provider = self.shell_provider;
        self.channel = self.shell_log;
        self.host = self.shell_host;
        self.record_number = self.shell_record;
        self.user_sid = self.shell_user;
    }
}

/// The fields of `UserData`: one object under a name of the provider's own.
fn user_data(raw: Raw<'_>) -> Record<'_> {
    let inside = raw.and_then(|raw| {
        let members: std::collections::BTreeMap<Cow<'_, str>, &serde_json::value::RawValue> =
            serde_json::from_str(raw.get()).ok()?;
        members.into_iter().find(|(name, _)| !name.starts_with('#')).map(|(_, value)| value)
    });
    Record::nested(inside)
}

/// The one attribute of an element, under `#attributes` or beside it; `None` for what is no object.
fn attribute(raw: Raw<'_>) -> Raw<'_> {
    let raw = raw.filter(|raw| raw.get().starts_with('{'));
    let attributes = Attributes::nested(raw).attributes;
    Named::nested(attributes.or(raw)).name
}

/// A scalar that may stand inside an object or an array of one.
fn plain(raw: Raw<'_>) -> Raw<'_> {
    match raw?.get().as_bytes().first()? {
        b'{' => Valued::nested(raw).value,
        b'[' => elements(raw).first().copied(),
        _ => raw,
    }
}
