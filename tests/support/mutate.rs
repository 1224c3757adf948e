//! Text that somebody wrote, damaged at random but the same each time: cut off, spliced, with bytes flipped, doubled and
//! strewn with what has a meaning.

/// A generator of numbers (xorshift64*), the same on every machine.
pub struct Chance(u64);

impl Chance {
    /// A series of its own for every seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end.max(1)
    }
}

/// What has a meaning to some parser.
const TOKENS: [&[u8]; 48] = [
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"'",
    b"\"\"\"",
    b"'''",
    b"\\",
    b"\n",
    b"\r",
    b"\r\n",
    b"\t",
    b"\0",
    b"#",
    b"#if 1\n",
    b"\n#else\n",
    b"\n#endif\n",
    b"\n#define A(x) x A(x)\n",
    b"/*",
    b"*/",
    b"//",
    b"f'{",
    b"}",
    b"r#\"",
    b"\"#",
    b"::",
    b"->",
    b"=>",
    b":",
    b";",
    b",",
    b"@",
    b"`",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\x0c",
    b"    ",
    b"if ",
    b"else ",
    b"lambda ",
    b"async ",
    b"match ",
    b"macro_rules! m { ($($x:tt)*) => { m!($($x)*) } }",
];

/// A damaged copy of `text`; `other` is what is spliced into it.
pub fn damaged(text: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..1 + chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(8) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            2 | 3 => {
                let token = TOKENS[chance.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            4 => {
                let end = (at + chance.below(200)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let begin = chance.below(other.len() + 1);
                let end = (begin + chance.below(2000)).min(other.len());
                bytes.splice(at..at, other[begin..end].iter().copied());
            }
            6 => {
                let end = (at + chance.below(60)).min(bytes.len());
                let piece = bytes[at..end].repeat(1 + chance.below(30));
                bytes.splice(at..at, piece);
            }
            _ => {
                for byte in bytes.iter_mut().skip(at).take(1 + chance.below(8)) {
                    *byte = chance.next() as u8;
                }
            }
        }
    }
    bytes
}
