//! Whether a public key is a point that can verify signatures.
//!
//! With a point of small order, anyone can make signatures that Ed25519 accepts. RFC 8032 §5.1.7 does not demand this
//! check; RFC 7748 §6 describes the problem for key agreement. All values are public, so nothing here needs constant
//! time.

/// A number of 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    high: u128,
    low: u128,
}

const ZERO: Number = Number { high: 0, low: 0 };
const ONE: Number = Number { high: 0, low: 1 };

/// 2²⁵⁵ − 19.
const P25519: Number = Number { high: u128::MAX >> 1, low: u128::MAX - 18 };
/// The constant of Ed25519's curve (RFC 8032 §5.1).
const D25519: Number = Number {
    high: 0x5203_6cee_2b6f_fe73_8cc7_4079_7779_e898,
    low: 0x0070_0a4d_4141_d8ab_75eb_4dca_1359_78a3,
};
/// The `y` coordinates of the points of order 8 (of order 4: `y` = 0; of order 2: −1; of order 1: 1).
const OF_ORDER_8: [Number; 2] = [
    Number {
        high: 0x7a03_ac92_77fd_c74e_c6cc_392c_fa53_202a,
        low: 0x0f67_100d_760b_3cba_4fd8_4d3d_706a_17c7,
    },
    Number {
        high: 0x05fc_536d_8802_38b1_3933_c6d3_05ac_dfd5,
        low: 0xf098_eff2_89f4_c345_b027_b2c2_8f95_e826,
    },
];

/// The prime and the constant of P-256 (FIPS 186-4 D.1.2.3).
const P256: Number = Number {
    high: 0xffff_ffff_0000_0001_0000_0000_0000_0000,
    low: 0x0000_0000_ffff_ffff_ffff_ffff_ffff_ffff,
};
const B256: Number = Number {
    high: 0x5ac6_35d8_aa3a_93e7_b3eb_bd55_7698_86bc,
    low: 0x651d_06b0_cc53_b0f6_3bce_3c3e_27d2_604b,
};

impl Number {
    /// `None` unless there are 32 bytes, most significant first.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (high, low) = bytes.split_at_checked(16)?;
        let half = |bytes: &[u8]| bytes.try_into().ok().map(u128::from_be_bytes);
        Some(Self { high: half(high)?, low: half(low)? })
    }

    fn wrapping_add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(carry.into()), low }
    }

    fn wrapping_sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(borrow.into()), low }
    }

    /// The sum of two numbers below `p`, modulo `p`.
    fn add(self, other: Self, p: Self) -> Self {
        let gap = p.wrapping_sub(other);
        if self >= gap { self.wrapping_sub(gap) } else { self.wrapping_add(other) }
    }

    fn sub(self, other: Self, p: Self) -> Self {
        if self >= other { self.wrapping_sub(other) } else { self.wrapping_add(p.wrapping_sub(other)) }
    }

    fn mul(self, other: Self, p: Self) -> Self {
        let bits = [other.high, other.low]
            .into_iter()
            .flat_map(|half| (0..128).rev().map(move |bit| half >> bit & 1));
        bits.fold(ZERO, |product, bit| {
            let doubled = product.add(product, p);
            if bit == 1 { doubled.add(self, p) } else { doubled }
        })
    }

    fn halved(self) -> Self {
        Self { high: self.high >> 1, low: self.low >> 1 | self.high << 127 }
    }

    /// Whether it is a square modulo the prime `p`: its Jacobi symbol is not −1.
    fn is_square(self, p: Self) -> bool {
        let (mut number, mut modulus, mut is_square) = (self, p, true);
        while number != ZERO {
            while number.low & 1 == 0 {
                number = number.halved();
                is_square ^= matches!(modulus.low & 7, 3 | 5);
            }
            if number < modulus {
                (number, modulus) = (modulus, number);
                is_square ^= number.low & 3 == 3 && modulus.low & 3 == 3;
            }
            number = number.wrapping_sub(modulus);
        }
        is_square
    }
}

/// The fault of an Ed25519 public key (RFC 8032 §5.1.5), if it has one.
pub(crate) fn ed25519_fault(key: &[u8]) -> Option<&'static str> {
    let bytes: Vec<u8> = key.iter().rev().copied().collect();
    let Some(mut y) = Number::of(&bytes) else { return Some("not 32 bytes long") };
    // The sign of `x`.
    y.high &= u128::MAX >> 1;
    if y >= P25519 {
        return Some("not written in the one way that is right (RFC 8032 §5.1.3)");
    }
    if [ZERO, ONE, P25519.wrapping_sub(ONE)].contains(&y) || OF_ORDER_8.contains(&y) {
        return Some("a point of small order, under which everybody's signature is good");
    }
    // x² = (y² − 1) / (d·y² + 1), and a fraction is a square where the product is.
    let square = y.mul(y, P25519);
    let below = D25519.mul(square, P25519).add(ONE, P25519);
    let product = square.sub(ONE, P25519).mul(below, P25519);
    (!product.is_square(P25519)).then_some("not a point of its curve")
}

/// The fault of a P-256 public key, if it has one: y² = x³ − 3x + b must hold.
pub(crate) fn p256_fault(x: &[u8], y: &[u8]) -> Option<&'static str> {
    let (Some(x), Some(y)) = (Number::of(x), Number::of(y)) else { return Some("not 32 bytes long") };
    let three = Number { high: 0, low: 3 };
    let is_point = x < P256 && y < P256 && {
        let inner = x.mul(x, P256).sub(three, P256);
        y.mul(y, P256) == inner.mul(x, P256).add(B256, P256)
    };
    (!is_point).then_some("not a point of its curve")
}

/// The fault of an RSA public key, if it has one. With `e` = 1, a signature equals the data it signs.
pub(crate) fn rsa_fault(n: &[u8], e: &[u8]) -> Option<&'static str> {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    // No backend accepts an exponent longer than 33 bits.
    let exponent = e.iter().try_fold(0_u64, |sum, byte| {
        sum.checked_mul(256)?.checked_add((*byte).into()).filter(|sum| *sum < 1 << 33)
    });
    if !is_odd(n) {
        return Some("its `n` is even");
    }
    (!exponent.is_some_and(|e| e >= 3 && e & 1 == 1)).then_some("its `e` is not an odd number from 3 to 2³³")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn j04_ed25519_keys_of_rfc_8032_are_good() {
        for good in [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        ] {
            assert_eq!(ed25519_fault(&bytes(good)), None, "{good}");
        }
    }

    /// The list of libsodium, each with both signs.
    #[test]
    fn j04_points_of_small_order_and_points_written_otherwise_are_not() {
        for bad in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let mut key = bytes(bad);
            assert!(ed25519_fault(&key).is_some(), "{bad}");
            key[31] |= 0x80;
            assert!(ed25519_fault(&key).is_some(), "{bad} with its sign");
        }
        assert!(ed25519_fault(&[9; 31]).is_some());
    }

    /// About half of all `y` have an `x`.
    #[test]
    fn j04_half_of_all_numbers_are_points_of_edwards_curve() {
        let are = (2..=201_u8).filter(|y| {
            let mut key = [0; 32];
            key[0] = *y;
            ed25519_fault(&key).is_none()
        });
        assert!((80..=120).contains(&are.count()));
    }

    #[test]
    fn j04_p256_takes_points_of_its_curve() {
        // The base point (FIPS 186-4 D.1.2.3).
        let x = bytes("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
        let y = bytes("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
        assert_eq!(p256_fault(&x, &y), None);
        for (x, y) in [(&y, &x), (&x, &x), (&vec![0; 32], &vec![0; 32]), (&vec![0xff; 32], &y)] {
            assert!(p256_fault(x, y).is_some());
        }
        let mut other = y.clone();
        other[31] ^= 1;
        assert!(p256_fault(&x, &other).is_some());
    }

    #[test]
    fn j04_rsa_exponents_are_odd_and_more_than_one() {
        let n = [0xff; 256];
        for good in [&[1, 0, 1][..], &[3], &[0, 0, 3], &[1, 0, 0, 0, 1]] {
            assert_eq!(rsa_fault(&n, good), None, "{good:?}");
        }
        for bad in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[9; 200]] {
            assert!(rsa_fault(&n, bad).is_some(), "{bad:?}");
        }
        assert!(rsa_fault(&[0xfe; 256], &[1, 0, 1]).is_some());
    }
}
