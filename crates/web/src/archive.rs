//! A suspicious attachment leaves only inside a password-protected archive, so that nothing on the way opens, runs or deletes it.
//!
//! ZIP with the traditional PKWARE encryption (APPNOTE 6.3.10, section 6.1): every unpacker reads it, and it guards against accidents,
//! not against people. The password is shown beside the link.

use crate::secret::random;

/// The password that analysts everywhere expect.
pub const PASSWORD: &str = "infected";

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut value, mut bit) = (n as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

fn crc_step(crc: u32, byte: u8) -> u32 {
    CRC_TABLE[((crc ^ u32::from(byte)) & 0xFF) as usize] ^ (crc >> 8)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| crc_step(crc, *byte))
}

/// The three keys of the traditional encryption.
struct Keys(u32, u32, u32);

impl Keys {
    fn new(password: &str) -> Keys {
        let mut keys = Keys(0x1234_5678, 0x2345_6789, 0x3456_7890);
        password.bytes().for_each(|b| keys.update(b));
        keys
    }

    fn update(&mut self, byte: u8) {
        self.0 = crc_step(self.0, byte);
        self.1 = self.1.wrapping_add(self.0 & 0xFF).wrapping_mul(134_775_813).wrapping_add(1);
        self.2 = crc_step(self.2, (self.1 >> 24) as u8);
    }

    fn encrypt(&mut self, byte: u8) -> u8 {
        let two = (self.2 | 2) & 0xFFFF;
        let stream = (two.wrapping_mul(two ^ 1) >> 8) as u8;
        self.update(byte);
        byte ^ stream
    }
}

/// An archive with one stored, encrypted file. `None` when the file is too large for the format (4 GiB).
pub fn protected(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    const HEAD: usize = 12;
    let crc = crc32(bytes);
    let size = u32::try_from(bytes.len()).ok()?;
    let packed = size.checked_add(HEAD as u32)?;
    let name = name.as_bytes();
    let name_length = u16::try_from(name.len()).ok()?;
    // Eleven random bytes and the checksum's highest: how an unpacker notices a wrong password.
    let mut head = random::<HEAD>();
    head[HEAD - 1] = (crc >> 24) as u8;
    let mut keys = Keys::new(PASSWORD);

    let mut common = Vec::with_capacity(26);
    common.extend(20u16.to_le_bytes()); // version needed
    common.extend(0x0801u16.to_le_bytes()); // encrypted, name in UTF-8
    common.extend(0u16.to_le_bytes()); // stored
    common.extend(0u16.to_le_bytes()); // time
    common.extend(0x21u16.to_le_bytes()); // 1 January 1980
    common.extend(crc.to_le_bytes());
    common.extend(packed.to_le_bytes());
    common.extend(size.to_le_bytes());
    common.extend(name_length.to_le_bytes());
    common.extend(0u16.to_le_bytes()); // no extra field

    let mut out = Vec::with_capacity(bytes.len() + 2 * name.len() + 150);
    out.extend(0x0403_4B50u32.to_le_bytes());
    out.extend(&common);
    out.extend(name);
    out.extend(head.iter().chain(bytes).map(|b| keys.encrypt(*b)));
    let directory = u32::try_from(out.len()).ok()?;
    out.extend(0x0201_4B50u32.to_le_bytes());
    out.extend(20u16.to_le_bytes()); // made by
    out.extend(&common);
    out.extend([0; 14]); // no comment, first disk, no attributes, offset 0
    out.extend(name);
    let directory_size = u32::try_from(out.len()).ok()? - directory;
    out.extend(0x0605_4B50u32.to_le_bytes());
    out.extend([0; 4]); // one disk
    out.extend(1u16.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(directory_size.to_le_bytes());
    out.extend(directory.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    /// Python's own reader opens it with the password, and not with another: where there is a Python.
    #[test]
    fn another_program_reads_the_archive() {
        let archive = protected("factuur été.exe", b"MZ nothing good").unwrap();
        let path = std::env::temp_dir().join(format!("bolwerk-archive-{}.zip", std::process::id()));
        std::fs::write(&path, archive).unwrap();
        let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nn=z.namelist()[0]\n\
            assert n=='factuur été.exe',n\nassert z.read(n,b'infected')==b'MZ nothing good'\n\
            try:\n z.read(n,b'wrong'); sys.exit(2)\nexcept RuntimeError: pass\n";
        let ran = std::process::Command::new("python3").arg("-c").arg(script).arg(&path).output();
        std::fs::remove_file(&path).unwrap();
        match ran {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => println!("skipped: no python3 on this machine"),
        }
    }
}
