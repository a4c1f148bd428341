//! The bucket of a value, exactly, by integer arithmetic.
//!
//! A value is `2^e · f` with `1 <= f < 2`. At [`SCALE`] each octave has [`SUB`] buckets, so the bucket
//! is `256·e` plus the number of borders `2^(j/256)` below `f`, less one. The borders are a table of
//! integers; only the border `j = 0` is an integer power itself, all others are irrational, so
//! comparing with their floor decides exactly and the upper-inclusive rule of the data model holds
//! for every `u64`. A second table says how many borders lie below each 512th of the octave: two
//! borders are further apart than that, so one comparison is left.

/// The finest scale. It is also the finest of Prometheus native histograms.
pub(super) const SCALE: i32 = 8;
/// Buckets of an octave at [`SCALE`].
const SUB: usize = 1 << SCALE;
/// log2 of the parts an octave is divided into for the first look-up.
const PART_BITS: u32 = SCALE as u32 + 1;
const PARTS: usize = 1 << PART_BITS;

/// Fractional bits of the numbers the tables are made with.
const FRACTION: u32 = 126;

/// `floor(2^63 · 2^(j/256))`; the last entry is above everything and ends the search.
static BORDERS: [u64; SUB + 1] = borders();
/// How many borders lie below the beginning of each part: at most 256, where the last entry of
/// [`BORDERS`] is.
static BELOW: [u16; PARTS] = below();

/// The bucket of `value` at [`SCALE`]: the `i` with `base^i < value <= base^(i+1)`, from −1 (only the
/// value 1) to 16383. `value` is not 0.
#[inline]
pub(super) fn index(value: u64) -> i32 {
    let zeros = (value | 1).leading_zeros();
    let mantissa = value << zeros;
    let part = (mantissa >> (63 - PART_BITS)) as usize & (PARTS - 1);
    let below = BELOW[part];
    let below = i32::from(below) + i32::from(mantissa > BORDERS[usize::from(below)]);
    ((63 - zeros as i32) << SCALE) + below - 1
}

/// `floor(base^i)` at [`SCALE`]; 0 below 1, `u64::MAX` from `2^64` on.
pub(super) fn floor_power(i: i32) -> u64 {
    if i < 0 {
        return 0;
    }
    let octave = i >> SCALE;
    if octave > 63 {
        return u64::MAX;
    }
    // The floor of a floor is the floor: dividing by a power of two keeps it exact.
    BORDERS[i as usize % SUB] >> (63 - octave)
}

const fn borders() -> [u64; SUB + 1] {
    // roots[k] = 2^(2^k / 256), each the square root of the one above.
    let mut roots = [0_u128; SCALE as usize];
    let mut power = 2 << FRACTION;
    let mut k = roots.len();
    while k > 0 {
        k -= 1;
        power = sqrt(power);
        roots[k] = power;
    }
    let mut table = [u64::MAX; SUB + 1];
    let mut j = 0;
    while j < SUB {
        let mut border = 1_u128 << FRACTION;
        let mut k = 0;
        while k < roots.len() {
            if j >> k & 1 == 1 {
                border = multiply(border, roots[k]);
            }
            k += 1;
        }
        table[j] = (border >> (FRACTION - 63)) as u64;
        j += 1;
    }
    table
}

const fn below() -> [u16; PARTS] {
    let mut table = [0; PARTS];
    let mut borders = 0;
    let mut part = 0;
    while part < PARTS {
        let start = ((PARTS + part) as u64) << (63 - PART_BITS);
        while BORDERS[borders as usize] < start {
            borders += 1;
        }
        table[part] = borders;
        part += 1;
    }
    table
}

/// The product of two fixed-point numbers below 2, rounded down.
const fn multiply(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0) = (a >> 64, a & LOW);
    let (b1, b0) = (b >> 64, b & LOW);
    let mid = a1 * b0 + ((a0 * b0) >> 64);
    let mid_low = a0 * b1 + (mid & LOW);
    let high = a1 * b1 + (mid >> 64) + (mid_low >> 64);
    let low_top = mid_low & LOW;
    (high << (128 - FRACTION)) | (low_top >> (FRACTION - 64))
}

/// The square root of a fixed-point number from 1 to 2, bit by bit.
const fn sqrt(of: u128) -> u128 {
    let mut root = 0;
    let mut bit = FRACTION + 1;
    while bit > 0 {
        bit -= 1;
        let tried = root | 1 << bit;
        if multiply(tried, tried) <= of {
            root = tried;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A natural number as 64-bit limbs, lowest first: the reference needs no rounding at all.
    #[derive(Clone, PartialEq, Debug)]
    struct Big(Vec<u64>);

    impl Big {
        fn squared(&self) -> Self {
            let n = self.0.len();
            let mut out = vec![0_u64; 2 * n];
            for i in 0..n {
                let mut carry = 0_u128;
                for j in 0..n {
                    let sum = u128::from(self.0[i]) * u128::from(self.0[j])
                        + u128::from(out[i + j])
                        + carry;
                    out[i + j] = sum as u64;
                    carry = sum >> 64;
                }
                out[i + n] = carry as u64;
            }
            while out.len() > 1 && out.last() == Some(&0) {
                out.pop();
            }
            Self(out)
        }
        /// `value^256`.
        fn power_256(value: u64) -> Self {
            (0..8).fold(Self(vec![value]), |x, _| x.squared())
        }
        /// The highest bit set, and whether it is the only one.
        fn log2(&self) -> (i64, bool) {
            let top = self.0.last().copied().unwrap();
            let bits = self.0.len() as i64 * 64 - 1 - i64::from(top.leading_zeros());
            let alone =
                top.is_power_of_two() && self.0[..self.0.len() - 1].iter().all(|&limb| limb == 0);
            (bits, alone)
        }
    }

    /// The `i` with `2^i < value^256 <= 2^(i+1)`, which is the bucket at scale 8.
    fn reference(value: u64) -> i32 {
        let (bits, alone) = Big::power_256(value).log2();
        (bits - i64::from(alone)) as i32
    }

    #[test]
    fn every_border_is_the_floor_of_its_power() {
        for (j, &border) in BORDERS[..SUB].iter().enumerate() {
            // border <= 2^(63 + j/256) < border + 1, raised to the 256th power.
            let exponent = 63 * 256 + j as i64;
            let (bits, alone) = Big::power_256(border).log2();
            assert!(bits < exponent || bits == exponent && alone, "{j}");
            let (bits, alone) = Big::power_256(border + 1).log2();
            assert!(bits > exponent || bits == exponent && !alone, "{j}");
        }
    }

    #[test]
    fn no_part_of_an_octave_holds_two_borders() {
        for pair in BELOW.windows(2) {
            assert!(pair[1] - pair[0] <= 1);
        }
        assert_eq!(usize::from(BELOW[PARTS - 1]), SUB);
    }

    #[test]
    fn around_every_power_of_two() {
        for bit in 0..64 {
            let power = 1_u64 << bit;
            assert_eq!(index(power), bit * 256 - 1);
            for value in [power - 1, power, power + 1] {
                if value > 0 {
                    assert_eq!(index(value), reference(value), "{value}");
                }
            }
        }
        assert_eq!(index(u64::MAX), 16383);
    }

    #[test]
    fn around_every_border_of_some_octaves() {
        for octave in [0, 8, 9, 30, 53, 63] {
            for j in 0..256 {
                let border = floor_power(octave * 256 + j);
                for value in [border, border + 1] {
                    assert_eq!(index(value), reference(value), "{value}");
                }
            }
        }
    }

    #[test]
    fn both_sides_of_every_border_of_all_octaves() {
        for i in 0..16384 {
            let border = floor_power(i);
            let next = border + 1;
            // From scale 8's octave 9 on every bucket holds an integer, so both sides are neighbours.
            if i >= 9 * 256 {
                assert_eq!(index(border), i - 1, "{i}");
                assert_eq!(index(next), i, "{i}");
            } else {
                assert!(index(border) < i && index(next) >= i, "{i}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_value(value in 1_u64.., shift in 0_u32..64) {
            let value = (value >> shift).max(1);
            prop_assert_eq!(index(value), reference(value));
            prop_assert!(floor_power(index(value)) < value);
            prop_assert!(value <= floor_power(index(value) + 1));
        }
    }
}
