//! What the codec makes of segment and journal parts, and of whole files of both.

use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::chain;
use indelible_evidence::merkle::leaf_hash;
use indelible_evidence::record::Record;
use indelible_evidence::schema::Field;
use indelible_evidence::{FormatError, LogId};
use indelible_format::aead::{self, AssociatedData, DataKey, NONCE_LEN};
use indelible_format::frame::read_descriptor;
use indelible_format::journal::{
    Group, GroupFacts, GroupHeader, GroupKind, GroupScanner, JournalHeader, Position, put_close_mark, put_group,
    records_of,
};
use indelible_format::segment::{
    Authority, BlockEntry, BlockHeader, BlockKind, Footer, FooterView, LookupView, SegmentHeader, SegmentTrailer,
    TermPage, TermTable, check_payload, encode_lookup, put_block,
};
use serde_json::{Value as Json, json};

use super::describe::{Described, context_bytes, context_terms, describe, text_of};
use super::dump::hex;
use super::record_json::record_json;

/// A term page's payload; context: `terms` of the pages before it.
pub fn term_page(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let page = TermPage::decode(bytes)?;
    context_terms(context).load_page(&page)?;
    let mut sections = Vec::new();
    for section in &page.sections {
        // A void is null.
        let terms = section.values().map(|value| value.map(text_of).transpose());
        let terms = terms.collect::<Result<Vec<Option<String>>, FormatError>>()?;
        sections.push(json!({"field": section.field.id(), "first": section.first, "terms": terms}));
    }
    let compression = bytes.get(1).copied().unwrap_or(0);
    let again = page.encode(i32::from(compression))?;
    Ok(Described { value: json!({"compression": compression, "sections": sections}), again })
}

/// A lookup's payload; context: `terms` of the segment.
pub fn lookup(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let view = LookupView::open(bytes)?;
    let terms = context_terms(context);
    view.check(terms.len(view.field()))?;
    let ordinals: Vec<u32> = (0..view.len()).filter_map(|rank| view.get(rank)).collect();
    check_sorted(&terms, view.field(), &ordinals)?;
    let again = encode_lookup(view.field(), &ordinals);
    Ok(Described { value: json!({"field": view.field().id(), "ordinals": ordinals}), again })
}

/// Whether the order is that of the texts is for whoever has the terms: the codec sorts, a verifier compares.
fn check_sorted(terms: &TermTable, field: Field, ordinals: &[u32]) -> Result<(), FormatError> {
    if terms.sorted_ordinals(field) == ordinals {
        return Ok(());
    }
    Err(FormatError::invalid("term lookup", "ordinals", 8, "not in the order of the texts"))
}

fn entry_json(entry: BlockEntry) -> Json {
    json!({"offset": entry.offset, "length": entry.length, "number": entry.number})
}

/// A footer's payload, by itself.
pub fn footer(bytes: &[u8]) -> Result<Described, FormatError> {
    let view = FooterView::open(bytes)?;
    view.check()?;
    let Footer { totals, frames, pages, runs, lookups } = Footer::decode(bytes)?;
    let frames: Vec<Json> = frames
        .iter()
        .map(|entry| {
            json!({
                "offset": entry.offset, "length": entry.length, "first_ordinal": entry.first_ordinal,
                "occurred_min": entry.occurred_min, "occurred_max": entry.occurred_max,
                "recorded_first": entry.recorded_first, "leaf_hash": hex(&entry.leaf_hash),
            })
        })
        .collect();
    let pages: Vec<Json> = pages
        .iter()
        .map(|entry| {
            json!({
                "offset": entry.offset, "length": entry.length, "first": entry.first, "count": entry.count,
                "field": entry.field.id(),
            })
        })
        .collect();
    let value = json!({
        "records": totals.records, "occurred_min": totals.occurred_min, "occurred_max": totals.occurred_max,
        "recorded_min": totals.recorded_min, "recorded_max": totals.recorded_max,
        "chain_after": hex(&totals.chain_after), "frames": frames, "pages": pages,
        "runs": runs.into_iter().map(entry_json).collect::<Vec<_>>(),
        "lookups": lookups.into_iter().map(entry_json).collect::<Vec<_>>(),
    });
    Ok(Described { value, again: Footer::decode(bytes)?.encode() })
}

/// A segment's file header.
pub fn segment_header(bytes: &[u8]) -> Result<Described, FormatError> {
    let header = SegmentHeader::decode(bytes)?;
    let LogId(id) = header.log_id;
    let value = json!({
        "flags": u32::from(header.encrypted), "log_id": hex(&id), "segment_id": header.segment_id,
        "generation": header.generation, "first_seq": header.first_seq, "first_frame": header.first_frame,
        "chain_before": hex(&header.chain_before),
    });
    Ok(Described { value, again: header.encode() })
}

/// A block: header and payload.
pub fn block(bytes: &[u8]) -> Result<Described, FormatError> {
    let header = BlockHeader::decode(bytes)?;
    let payload = bytes.get(BlockHeader::SIZE..).unwrap_or_default();
    check_payload(&header, payload)?;
    let value = json!({
        "kind": header.kind as u8, "flags": u8::from(header.encrypted), "number": header.number,
        "length": header.length, "payload_crc": header.payload_crc,
    });
    Ok(Described { value, again: [&header.encode(), payload].concat() })
}

/// A segment's trailer.
pub fn trailer(bytes: &[u8]) -> Result<Described, FormatError> {
    let trailer = SegmentTrailer::decode(bytes)?;
    Ok(Described { value: json!({"footer_offset": trailer.footer_offset}), again: trailer.encode() })
}

/// A whole segment file that is not encrypted; its chain begins with the header's `chain_before`.
pub fn segment(_: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let header = SegmentHeader::decode(bytes)?;
    let trailer_at = bytes.len().saturating_sub(SegmentTrailer::SIZE);
    let (body, end) = bytes.split_at(trailer_at);
    let trailer = SegmentTrailer::decode(end)?;
    let (mut again, mut at) = (header.encode(), SegmentHeader::SIZE);
    let (mut terms, mut value) = (TermTable::new(), header.chain_before);
    let (mut leaves, mut records, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    while at < trailer_at {
        let block = BlockHeader::decode(&body[at..])?;
        let payload = body.get(at + BlockHeader::SIZE..at + block.total() as usize).unwrap_or_default();
        check_payload(&block, payload)?;
        // [SEG-20]
        if (block.kind == BlockKind::Authority) != (at == SegmentHeader::SIZE && header.generation > 0) {
            let why = "a file that was written again begins with its authority block, and no other has one";
            return Err(FormatError::invalid("segment", "kind", at, why));
        }
        match block.kind {
            BlockKind::Terms => {
                let page = TermPage::decode(payload)?;
                if header.generation == 0 && page.voids() > 0 {
                    return Err(FormatError::invalid("segment", "terms", at, "a void in a file of generation 0"));
                }
                terms.load_page(&page)?;
            }
            BlockKind::Frame => {
                let context = json!({"terms": terms_json(&terms)?, "chain_before": hex(&value)});
                let frame = describe("frame", &context, payload)?;
                records.extend(frame.value["entries"].as_array().cloned().unwrap_or_default());
                let hashed = read_descriptor(payload)?.0.hashed(&value);
                leaves.push(json!(hex(&leaf_hash(&hashed))));
                value = chain(&hashed);
            }
            BlockKind::Lookup => {
                describe("lookup", &json!({"terms": terms_json(&terms)?}), payload)?;
            }
            BlockKind::Footer => {
                FooterView::open(payload)?.check()?;
                assert_eq!(trailer.footer_offset, at as u64, "the trailer names the footer");
            }
            BlockKind::Run => {}
            BlockKind::Authority => drop(Authority::decode(payload)?),
        }
        blocks.push(json!({"kind": block.kind as u8, "number": block.number, "offset": at}));
        put_block(&mut again, block.kind, block.encrypted, block.number, payload)?;
        at += block.total() as usize;
    }
    again.extend_from_slice(&trailer.encode());
    let value = json!({
        "header": segment_header(bytes)?.value, "blocks": blocks, "leaves": leaves, "records": records,
        "chain_after": hex(&value), "footer_offset": trailer.footer_offset,
    });
    Ok(Described { value, again })
}

/// The terms of a table in the form of a context; a void is null.
pub fn terms_json(terms: &TermTable) -> Result<Json, FormatError> {
    let mut out = serde_json::Map::new();
    for field in Field::all().filter(|&field| terms.len(field) > 0) {
        let texts = (0..terms.len(field)).map(|ordinal| terms.get(field, ordinal).map(text_of).transpose());
        out.insert(field.id().to_string(), json!(texts.collect::<Result<Vec<Option<String>>, FormatError>>()?));
    }
    Ok(Json::Object(out))
}

/// A journal file's header.
pub fn journal_header(bytes: &[u8]) -> Result<Described, FormatError> {
    let header = JournalHeader::decode(bytes)?;
    let LogId(id) = header.log_id;
    let value = json!({
        "flags": u16::from(header.encrypted), "log_id": hex(&id), "incarnation": header.incarnation,
        "file_no": header.file_no, "first_seq": header.first_seq,
    });
    Ok(Described { value, again: header.encode() })
}

fn group_json(header: &GroupHeader, records: &[Json]) -> Json {
    let GroupFacts { log_id: LogId(id), incarnation, first_seq, previous_crc, durable_to, framed_to } = &header.facts;
    json!({
        "kind": header.kind as u16, "log_id": hex(id), "incarnation": incarnation, "first_seq": first_seq,
        "count": header.count, "length": header.length, "previous_crc": previous_crc, "durable_to": durable_to,
        "framed_to": framed_to, "payload_crc": header.payload_crc, "crc": header.crc, "records": records,
    })
}

fn records_json(records: impl Iterator<Item = Result<Record, FormatError>>) -> Result<Vec<Json>, FormatError> {
    records.map(|record| record.and_then(|record| record_json(&record))).collect()
}

/// One group that follows the file header of its context: `log_id`, `incarnation`, `file_no`; `offset`: where it stands,
/// 64 unless given; `first_seq` and `previous_crc`: what it must continue; `key`: its payload is sealed.
pub fn journal_group(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let number = |name: &str| context[name].as_u64();
    let key = context["key"].is_string().then(|| DataKey::new(context_bytes(context, "key")));
    let decoded = GroupHeader::decode(bytes)?;
    let file = JournalHeader {
        encrypted: key.is_some(),
        log_id: LogId(context_bytes(context, "log_id")),
        incarnation: number("incarnation").expect("incarnation"),
        file_no: number("file_no").unwrap_or(0),
        first_seq: number("first_seq").unwrap_or(decoded.facts.first_seq),
    };
    let before = Position { previous_crc: number("previous_crc").map(|crc| crc as u32), next_seq: None };
    let whole = [&file.encode(), bytes].concat();
    let mut scanner = GroupScanner::new(&whole, before)?;
    let group = scanner.next().expect("the header was decoded").map_err(|stop| stop.error)?;
    if let Some(stop) = scanner.next() {
        stop.map_err(|stop| stop.error)?;
    }
    let mut payload = group.payload.to_vec();
    let mut stored = payload.clone();
    if let Some(key) = &key {
        let ad = AssociatedData {
            log_id: file.log_id,
            file_id: file.file_no,
            generation: AssociatedData::JOURNAL,
            kind: 0,
            number: number("offset").unwrap_or(64),
            first_seq: decoded.facts.first_seq,
            count: decoded.count,
        };
        payload = aead::open(key, &ad, group.payload)?;
        let nonce: [u8; NONCE_LEN] = stored[..NONCE_LEN].try_into().expect("it was opened");
        stored = aead::seal(key, &nonce, &ad, &payload)?;
    }
    let records = records_json(records_of(&payload, decoded.facts.first_seq, decoded.count))?;
    let mut again = Vec::new();
    put_again(&mut again, &group, &stored)?;
    Ok(Described { value: group_json(&group.header, &records), again })
}

fn put_again(out: &mut Vec<u8>, group: &Group<'_>, payload: &[u8]) -> Result<(), FormatError> {
    match group.header.kind {
        GroupKind::Records => put_group(out, &group.header.facts, group.header.count as usize, payload)?,
        GroupKind::Close => put_close_mark(out, &group.header.facts)?,
    };
    Ok(())
}

/// A whole journal file that begins its incarnation and is not encrypted.
pub fn journal(bytes: &[u8]) -> Result<Described, FormatError> {
    let mut scanner = GroupScanner::new(bytes, Position { previous_crc: Some(0), next_seq: None })?;
    let mut again = scanner.file().encode();
    let mut groups = Vec::new();
    for group in scanner.by_ref() {
        let group = group.map_err(|stop| stop.error.shifted(stop.offset as usize))?;
        put_again(&mut again, &group, group.payload)?;
        groups.push(group_json(&group.header, &records_json(group.records())?));
    }
    let value = json!({"header": journal_header(bytes)?.value, "groups": groups, "closed": scanner.closed()});
    Reader::new("journal", &bytes[again.len().min(bytes.len())..]).end()?;
    Ok(Described { value, again })
}
