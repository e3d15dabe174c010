//! A frame payload taken apart and put together again, so that one part can be made wrong.

/// One column: directory entry and data.
#[derive(Clone)]
pub struct Column {
    /// Code in the directory.
    pub code: u8,
    /// Its encoding.
    pub encoding: u8,
    /// Its data.
    pub data: Vec<u8>,
}

/// The parts of a frame payload that is not sealed.
#[derive(Clone)]
pub struct Parts {
    /// The stored descriptor.
    pub descriptor: Vec<u8>,
    /// State of the body.
    pub state: u8,
    /// The salts part.
    pub salts: Vec<u8>,
    /// In directory order.
    pub columns: Vec<Column>,
}

impl Parts {
    /// The parts of a payload that the encoder wrote.
    pub fn of(payload: &[u8]) -> Self {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize;
        let (descriptor, body) = payload[4..].split_at(number(&payload[..4]));
        let (count, salts_length) = (usize::from(body[2]), number(&body[4..8]));
        let (salts, rest) = body[8..].split_at(salts_length);
        let (directory, mut data) = rest.split_at(8 * count);
        let columns = directory.chunks_exact(8).map(|entry| {
            let (own, after) = data.split_at(number(&entry[4..]));
            data = after;
            Column { code: entry[0], encoding: entry[1], data: own.to_vec() }
        });
        let columns = columns.collect();
        Self { descriptor: descriptor.to_vec(), state: body[1], salts: salts.to_vec(), columns }
    }

    /// The payload.
    pub fn join(&self) -> Vec<u8> {
        let mut out = (self.descriptor.len() as u32).to_le_bytes().to_vec();
        out.extend_from_slice(&self.descriptor);
        out.extend_from_slice(&[1, self.state]);
        out.extend_from_slice(&(self.columns.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.salts.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.salts);
        for column in &self.columns {
            out.extend_from_slice(&[column.code, column.encoding, 0, 0]);
            out.extend_from_slice(&(column.data.len() as u32).to_le_bytes());
        }
        self.columns.iter().for_each(|column| out.extend_from_slice(&column.data));
        out
    }

    /// Where the column with this code is.
    pub fn index(&self, code: u8) -> usize {
        self.columns.iter().position(|column| column.code == code).expect("the frame has the column")
    }

    /// The first column in this encoding.
    pub fn in_encoding(&mut self, encoding: u8) -> &mut Column {
        self.columns.iter_mut().find(|column| column.encoding == encoding).expect("the frame has the encoding")
    }

    /// The column with this code.
    pub fn column(&mut self, code: u8) -> &mut Column {
        let index = self.index(code);
        &mut self.columns[index]
    }
}
