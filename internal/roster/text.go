package roster

// signs are the characters besides letters and digits that take six bits. Zero stands for none of them, so that what
// fills the last byte is no character.
const signs = "._-+'@:|/=!#$%&*?^`{}~"

// sixOf is the number of each character, zero where it has none; charOf is its inverse.
var sixOf, charOf = func() (six [256]byte, char [64]byte) {
	const small = "abcdefghijklmnopqrstuvwxyz0123456789" + signs
	for i := range len(small) {
		six[small[i]], char[i+1] = byte(i+1), small[i]
	}
	return six, char
}()

// text is a packed text.
type text struct {
	packed []byte
	length int // in characters
	six    bool
}

func isSix(plain []byte) bool {
	for _, c := range plain {
		if sixOf[c] == 0 {
			return false
		}
	}
	return true
}

// textHead is a number with a bit that tells how a text is packed.
func textHead(number int, six bool) uint64 {
	if six {
		return uint64(number)<<1 | 1
	}
	return uint64(number) << 1
}

// textBytes is how many bytes a packed text of so many characters takes.
func textBytes(length int, six bool) int {
	if six {
		return (6*length + 7) / 8
	}
	return length
}

func appendText(dst, plain []byte, six bool) []byte {
	if !six {
		return append(dst, plain...)
	}
	var word uint32
	bits := 0
	for _, c := range plain {
		word, bits = word<<6|uint32(sixOf[c]), bits+6
		if bits >= 8 {
			bits -= 8
			dst = append(dst, byte(word>>bits))
		}
	}
	if bits > 0 {
		dst = append(dst, byte(word<<(8-bits)))
	}
	return dst
}

func unpackText(dst, packed []byte, length int, six bool) []byte {
	if !six {
		return append(dst, packed[:length]...)
	}
	var word uint32
	bits := 0
	for range length {
		if bits < 6 {
			word, bits, packed = word<<8|uint32(packed[0]), bits+8, packed[1:]
		}
		bits -= 6
		dst = append(dst, charOf[word>>bits&63])
	}
	return dst
}
