package segment

import "math"

// whole reads a JSON number that is a whole one of 64 bits, at least zero, in any of its spellings: 3, 3.0
// and 30e-1 are the same number, to JSON Schema as here.
func whole(value []byte) (uint64, bool) {
	if !IsNumber(value) {
		return 0, false
	}
	negative := value[0] == '-'
	if negative {
		value = value[1:]
	}
	mantissa, exponent := split(value)
	var n uint64
	zeros := 0 // that were read and not yet multiplied in
	for _, c := range mantissa {
		switch c {
		case '.':
		case '0':
			zeros++
		default:
			var ok bool
			if n, ok = shift(n, zeros+1); !ok || n > math.MaxUint64-uint64(c-'0') {
				return 0, false
			}
			n, zeros = n+uint64(c-'0'), 0
		}
	}
	if n == 0 {
		return 0, true
	}
	if zeros += exponent; negative || zeros < 0 {
		return 0, false
	}
	return shift(n, zeros)
}

// split returns the digits of a number without sign, and the power of ten that they, its point left out,
// are multiplied by.
func split(value []byte) (mantissa []byte, exponent int) {
	const most = 1 << 20 // beyond what the digits of any event make up for
	mantissa = value
	for i, c := range value {
		if c|0x20 != 'e' {
			continue
		}
		mantissa = value[:i]
		digits, sign := value[i+1:], 1
		if digits[0] == '-' {
			sign = -1
		}
		for _, c := range digits {
			if '0' <= c && c <= '9' {
				exponent = min(exponent*10+int(c-'0'), most)
			}
		}
		exponent *= sign
		break
	}
	for i, c := range mantissa {
		if c == '.' {
			return mantissa, exponent - (len(mantissa) - i - 1)
		}
	}
	return mantissa, exponent
}

// shift multiplies by a power of ten; false where 64 bits do not hold it.
func shift(n uint64, zeros int) (uint64, bool) {
	for ; zeros > 0 && n > 0; zeros-- {
		if n > math.MaxUint64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, true
}
