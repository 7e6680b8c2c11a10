//! Checks that an address of a currency carries in itself: base58check, bech32 (BIP 173, BIP 350) and EIP-55.

/// SHA-256 (FIPS 180-4) of a short message. Here for checksums of a few bytes only; secrets never come near it.
pub(super) fn sha256(message: &[u8]) -> [u8; 32] {
    let mut state: [u32; 8] =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&((message.len() as u64) * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        compress(&mut state, block);
    }
    let mut out = [0; 32];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

#[rustfmt::skip]
const ROUND: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

fn compress(state: &mut [u32; 8], block: &[u8]) {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for i in 16..64 {
        let s0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ (w[i - 15] >> 3);
        let s1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for i in 0..64 {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(ROUND[i]).wrapping_add(w[i]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
    }
    for (kept, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *kept = kept.wrapping_add(add);
    }
}

/// Keccak-256 with the padding of before SHA-3, as Ethereum uses it, of a message below 136 bytes.
pub(super) fn keccak256(message: &[u8]) -> [u8; 32] {
    const RATE: usize = 136;
    assert!(message.len() < RATE, "only addresses are hashed here");
    let mut block = [0u8; RATE];
    block[..message.len()].copy_from_slice(message);
    block[message.len()] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    let mut lanes = [0u64; 25];
    for (lane, bytes) in lanes.iter_mut().zip(block.chunks_exact(8)) {
        *lane = u64::from_le_bytes(bytes.try_into().expect("chunks are of 8 bytes"));
    }
    keccak_f(&mut lanes);
    let mut out = [0; 32];
    for (bytes, lane) in out.chunks_exact_mut(8).zip(lanes) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    out
}

fn keccak_f(a: &mut [u64; 25]) {
    const ROTATE: [u32; 24] =
        [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
    const MOVE: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
    let mut shift: u8 = 1;
    for _ in 0..24 {
        let mut column = [0u64; 5];
        for x in 0..5 {
            column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        }
        for x in 0..5 {
            let d = column[(x + 4) % 5] ^ column[(x + 1) % 5].rotate_left(1);
            (0..5).for_each(|y| a[x + 5 * y] ^= d);
        }
        let mut last = a[1];
        for (to, by) in MOVE.into_iter().zip(ROTATE) {
            (last, a[to]) = (a[to], last.rotate_left(by));
        }
        for row in a.chunks_exact_mut(5) {
            let [b0, b1, b2, b3, b4] = [row[0], row[1], row[2], row[3], row[4]];
            row[0] = b0 ^ (!b1 & b2);
            row[1] = b1 ^ (!b2 & b3);
            row[2] = b2 ^ (!b3 & b4);
            row[3] = b3 ^ (!b4 & b0);
            row[4] = b4 ^ (!b0 & b1);
        }
        // The round constants come out of a linear-feedback shift register (FIPS 202, 3.2.5).
        for j in 0..7u32 {
            if shift & 1 == 1 {
                a[0] ^= 1u64 << ((1u32 << j) - 1);
            }
            shift = (shift << 1) ^ if shift & 0x80 == 0 { 0 } else { 0x71 };
        }
    }
}

/// Whether a text is a Bitcoin address of the old kinds (P2PKH `1…`, P2SH `3…`) with a right checksum.
pub(super) fn is_base58_btc(text: &str) -> bool {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if !(26..=35).contains(&text.len()) || !matches!(text.as_bytes()[0], b'1' | b'3') {
        return false;
    }
    let mut bytes = [0u8; 25];
    for sign in text.bytes() {
        let Some(digit) = DIGITS.iter().position(|d| *d == sign) else { return false };
        let mut carry = digit as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    // Each leading zero byte is written as one `1`.
    let ones = text.bytes().take_while(|b| *b == b'1').count();
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let version_fits = matches!(bytes[0], 0x00 | 0x05);
    version_fits && ones == zeros && sha256(&sha256(&bytes[..21]))[..4] == bytes[21..]
}

/// Whether a text is a Bitcoin address of the new kind (`bc1…`, on the test network `tb1…`): bech32 for version 0, bech32m for later ones.
pub(super) fn is_segwit_btc(text: &str) -> bool {
    const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mixed = text.bytes().any(|b| b.is_ascii_uppercase()) && text.bytes().any(|b| b.is_ascii_lowercase());
    let lower = text.to_ascii_lowercase();
    let data = lower.strip_prefix("bc1").or_else(|| lower.strip_prefix("tb1"));
    let Some(data) = data.filter(|_| !mixed && (14..=74).contains(&text.len())) else {
        return false;
    };
    // The human-readable part, expanded: `bc` or `tb`.
    let human = if lower.starts_with("bc") { [3u8, 3, 0, 2, 3] } else { [3, 3, 0, 20, 2] };
    let digits: Option<Vec<u8>> = data.bytes().map(|b| DIGITS.iter().position(|d| *d == b).map(|d| d as u8)).collect();
    let Some(digits) = digits.filter(|d| d.len() >= 8) else { return false };
    let mut check = 1u32;
    for value in human.into_iter().chain(digits.iter().copied()) {
        let top = check >> 25;
        check = (check & 0x1ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in
            [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].into_iter().enumerate()
        {
            if top >> bit & 1 == 1 {
                check ^= generator;
            }
        }
    }
    let program_bits = (digits.len() - 7) * 5;
    match digits[0] {
        0 => check == 1 && matches!(program_bits / 8, 20 | 32),
        1..=16 => check == 0x2bc8_30a3 && (2..=40).contains(&(program_bits / 8)),
        _ => false,
    }
}

/// Whether 40 hex digits are an Ethereum address: any in one case; in mixed case only with the checksum of EIP-55.
pub(super) fn is_eth(hex: &str) -> bool {
    if hex.len() != 40 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let has = |f: fn(&u8) -> bool| hex.as_bytes().iter().any(f);
    if !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)) {
        return true;
    }
    let hash = keccak256(hex.to_ascii_lowercase().as_bytes());
    hex.bytes().enumerate().all(|(n, sign)| {
        let nibble = hash[n / 2] >> (if n % 2 == 0 { 4 } else { 0 }) & 0xf;
        sign.is_ascii_digit() || (nibble >= 8) == sign.is_ascii_uppercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn hashes_give_the_published_values() {
        assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sha256(long)), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        assert_eq!(hex(&keccak256(b"")), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
        assert_eq!(hex(&keccak256(b"abc")), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    }

    #[test]
    fn addresses_of_the_standards_pass_and_one_changed_sign_fails() {
        // From BIP 173, BIP 350, EIP-55 and the first block.
        for address in ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"] {
            assert!(is_base58_btc(address), "{address}");
            assert!(!is_base58_btc(&address.replacen('e', "f", 1)));
        }
        for address in [
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
            "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        ] {
            assert!(is_segwit_btc(address), "{address}");
            assert!(!is_segwit_btc(&address.replacen('8', "9", 1).replacen('x', "w", 1)));
        }
        assert!(!is_segwit_btc("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh"), "version 0 wants bech32, not bech32m");
        for address in ["5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"] {
            assert!(is_eth(address));
            assert!(is_eth(&address.to_lowercase()));
            assert!(!is_eth(&address.replacen('A', "a", 1).replacen('B', "b", 1)));
        }
    }
}
