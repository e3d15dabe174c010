"""Frame encoding 9: texts that share templates (05-frame.md) [FRM-13, FRM-14].

    t u8 | c u8 | t x (ordinal u32 | holes u8 | columns) | c kinds | width u8 | packed codes | c columns

A template is a text with a mark for each hole: 1 an integer, 2 a UUID, 3 a term.
"""

import uuid

from .record import UUID_TEXT

INTEGER, UUID, TERM = 1, 2, 3
MARKS = "\x01\x02\x03"
HOLES_MAX, DIGITS_MAX = 64, 18
JSON_SPACE = " \t\n\r"


def cut(text):
    """The template and the values of a text; None where it cannot be cut."""
    if any(mark in text for mark in MARKS):
        return None
    template, values, at, copied = [], [], 0, 0

    def hole(start, end, mark, value):
        nonlocal copied
        template.append(text[copied:start] + chr(mark))
        values.append(value)
        copied = end

    while at < len(text):
        if text[at] == '"':
            start = end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                return None
            at, content = end + 1, text[start:end]
            if content and text[at:].lstrip(JSON_SPACE)[:1] != ":":
                hole(start, end, UUID if UUID_TEXT.fullmatch(content) else TERM, content)
        elif text[at] in "0123456789":
            start = at
            while at < len(text) and text[at] in "0123456789":
                at += 1
            digits = text[start:at]
            if len(digits) <= DIGITS_MAX and (len(digits) == 1 or digits[0] != "0"):
                hole(start, at, INTEGER, digits)
        else:
            at += 1
    return "".join(template) + text[copied:], values


def smallest(cursor, base, width, deltas, what):
    if min(deltas) != 0 or width != max(deltas).bit_length():
        raise cursor.fail(f"{what}: base {base} or width {width} is not the one needed", "FRM-13")


def read_templates(cursor, rows):
    """(ordinal, columns) of every template, and the kinds of the columns."""
    count, columns, known, templates = cursor.u8("templates"), cursor.u8("columns"), 0, []
    if not 1 <= count <= rows:
        raise cursor.fail(f"{count} templates of {rows} rows", "FRM-13", 0)
    for _ in range(count):
        at, ordinal, holes = cursor.at, cursor.u32("ordinal"), cursor.u8("holes")
        own = list(cursor.take(holes, "columns"))
        for column in own:
            if column > known:
                raise cursor.fail("columns are not numbered in order of first use", "FRM-13", at)
            known = max(known, column + 1)
        if holes > HOLES_MAX or len(set(own)) != len(own) or ordinal in [before for before, _ in templates]:
            raise cursor.fail("a template twice, with a column twice, or with more than 64 holes", "FRM-13", at)
        templates.append((ordinal, own))
    if known != columns:
        raise cursor.fail(f"{columns} columns, {known} used", "FRM-13", 1)
    return templates, list(cursor.take(columns, "kinds"))


def read_column(cursor, kind, count, term_of):
    """The texts of one column's values."""
    if kind == UUID:
        return [str(uuid.UUID(bytes=bytes(cursor.take(16, "uuid")))) for _ in range(count)]
    if kind not in (INTEGER, TERM):
        raise cursor.fail(f"kind {kind} does not exist", "FRM-13")
    base = cursor.u64("base") if kind == INTEGER else cursor.u32("base")
    width = cursor.u8("width")
    if width > (60 if kind == INTEGER else 32):
        raise cursor.fail(f"width {width} is too large", "FRM-13")
    deltas = cursor.packed(count, width, "values")
    smallest(cursor, base, width, deltas, "values")
    values = [base + delta for delta in deltas]
    if kind == TERM:
        return [term_of(value) for value in values]
    if max(values) >= 10 ** DIGITS_MAX:
        raise cursor.fail("a number has more than eighteen digits", "FRM-13")
    return [str(value) for value in values]


def read(cursor, rows, known):
    """The text of every row, None where it has none, and the terms that are used."""
    used = set()

    def term_of(ordinal):
        if ordinal >= len(known):
            raise cursor.fail(f"ordinal {ordinal}, but term pages so far hold {len(known)} terms", "SEG-8")
        if known[ordinal] is None:
            raise cursor.fail(f"ordinal {ordinal}, whose term is void", "SEG-8")
        if UUID_TEXT.fullmatch(known[ordinal]):
            raise cursor.fail("a UUID is no term of a text", "FRM-14")
        used.add(known[ordinal])
        return known[ordinal]

    templates, kinds = read_templates(cursor, rows)
    width = cursor.u8("width")
    if width != len(templates).bit_length():
        raise cursor.fail(f"codes of {width} bits for {len(templates)} templates", "FRM-13")
    codes = cursor.packed(rows, width, "codes")
    if list(dict.fromkeys(code for code in codes if code)) != list(range(1, len(templates) + 1)):
        raise cursor.fail("templates are not numbered in order of first use", "FRM-13")
    columns = []
    for number, kind in enumerate(kinds):
        count = sum(1 for code in codes if code and number in templates[code - 1][1])
        columns.append(iter(read_column(cursor, kind, count, term_of)))
    out = []
    for code in codes:
        if code == 0:
            out.append(None)
            continue
        ordinal, own = templates[code - 1]
        template = term_of(ordinal)
        if [ord(letter) for letter in template if letter in MARKS] != [kinds[column] for column in own]:
            raise cursor.fail("the holes of a template are not those of its columns", "FRM-14")
        mine = [next(columns[column]) for column in own]
        holes = iter(mine)
        text = "".join(next(holes) if letter in MARKS else letter for letter in template)
        if not text or UUID_TEXT.fullmatch(text) or cut(text) != (template, mine):
            raise cursor.fail("a text that would not be cut into its template and values", "FRM-14")
        out.append(text)
    return out, used
