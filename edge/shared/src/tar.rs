//! Archives of regular files with short names: the ustar format (POSIX.1-2001, pax interchange, "ustar" section).

/// Size of a record, bytes: headers are one, contents are padded to whole ones.
pub const RECORD: usize = 512;

/// The longest name an entry may have, bytes.
pub const MAX_NAME: usize = 100;

/// Ends an archive: two empty records.
pub const END: [u8; 2 * RECORD] = [0; 2 * RECORD];

/// Appends a file to the archive `to`. A name longer than [`MAX_NAME`] is cut: names here are our own and short.
pub fn append(to: &mut Vec<u8>, name: &str, modified: u64, content: &[u8]) {
    to.extend_from_slice(&header(name, modified, content.len() as u64));
    to.extend_from_slice(content);
    to.resize(to.len().next_multiple_of(RECORD), 0);
}

fn header(name: &str, modified: u64, size: u64) -> [u8; RECORD] {
    let mut header = [0; RECORD];
    put(&mut header, 0, &name.as_bytes()[..name.len().min(MAX_NAME)]);
    put(&mut header, 100, b"0000644\0");
    put(&mut header, 108, b"0000000\0");
    put(&mut header, 116, b"0000000\0");
    put(&mut header, 124, format!("{size:011o}\0").as_bytes());
    put(&mut header, 136, format!("{modified:011o}\0").as_bytes());
    put(&mut header, 148, b"        "); // the checksum is taken with its own field blank
    put(&mut header, 156, b"0");
    put(&mut header, 257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
    header
}

fn put(header: &mut [u8; RECORD], at: usize, bytes: &[u8]) {
    header.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(field: &[u8]) -> usize {
        let text: String = field
            .iter()
            .map(|b| char::from(*b))
            .filter(char::is_ascii_digit)
            .collect();
        usize::from_str_radix(&text, 8).unwrap()
    }

    /// Reads an archive by the positions of POSIX.1-2001, table "ustar Header Block".
    fn read(mut archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        while archive[0] != 0 {
            let (header, rest) = archive.split_at(512);
            assert_eq!(&header[257..263], b"ustar\0");
            let blank = [&header[..148], &[b' '; 8], &header[156..]].concat();
            assert_eq!(
                number(&header[148..156]),
                blank.iter().map(|b| *b as usize).sum::<usize>()
            );
            let name = header[..100]
                .iter()
                .take_while(|b| **b != 0)
                .map(|b| char::from(*b))
                .collect();
            let size = number(&header[124..136]);
            files.push((name, rest[..size].to_vec()));
            archive = &rest[size.next_multiple_of(512)..];
        }
        assert_eq!(archive, [0; 1024]);
        files
    }

    #[test]
    fn files_are_found_again() {
        let files = [
            ("empty", vec![]),
            ("masks/0001.png", vec![7; 511]),
            ("one", vec![1; 512]),
            ("more", vec![2; 513]),
            (&*"n".repeat(100), b"x".to_vec()),
        ];
        let mut archive = Vec::new();
        for (name, content) in &files {
            append(&mut archive, name, 1_800_000_000, content);
        }
        archive.extend_from_slice(&END);
        let expected: Vec<_> = files.iter().map(|(n, c)| ((*n).to_owned(), c.clone())).collect();
        assert_eq!(read(&archive), expected);
    }
}
