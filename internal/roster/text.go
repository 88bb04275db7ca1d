package roster

// packing is how a text is kept; the text alone decides it.
type packing uint8

const (
	plainly packing = iota
	small           // six bits a character: small letters, digits and signs
	mixed           // six bits a character: letters of either case, digits, - and _
	packings
)

// signs are the characters besides letters and digits that small texts have. Zero stands for none of them, so that
// what fills the last byte is no character.
const signs = "._-+'@:|/=!#$%&*?^`{}~"

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	numbers = "0123456789"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// alphabet is the number of each character, noChar where it has none, and its inverse.
type alphabet struct {
	of   [256]byte
	char [64]byte
}

const noChar = 0xff

func spelled(first int, chars string) *alphabet {
	var a alphabet
	for i := range a.of {
		a.of[i] = noChar
	}
	for i := range len(chars) {
		a.of[chars[i]], a.char[first+i] = byte(first+i), chars[i]
	}
	return &a
}

// alphabets are those of the packings in six bits.
var alphabets = [packings]*alphabet{small: spelled(1, letters+numbers+signs), mixed: spelled(0, capital+letters+numbers+"-_")}

// text is a packed text.
type text struct {
	packed []byte
	length int // in characters
	pack   packing
}

// packingOf is how the text is kept.
func packingOf(plain []byte) packing {
	for p := small; p < packings; p++ {
		if alphabets[p].spells(plain) {
			return p
		}
	}
	return plainly
}

func (a *alphabet) spells(plain []byte) bool {
	for _, c := range plain {
		if a.of[c] == noChar {
			return false
		}
	}
	return true
}

// textHead is a number that tells beside another one how a text is kept.
func textHead(number int, p packing) uint64 { return uint64(number)*uint64(packings) + uint64(p) }

// readHead takes a number of textHead apart.
func readHead(head uint64) (number int, p packing) {
	return int(head / uint64(packings)), packing(head % uint64(packings))
}

// textBytes is how many bytes a packed text of so many characters takes.
func textBytes(length int, p packing) int {
	if p == plainly {
		return length
	}
	return (6*length + 7) / 8
}

func appendText(dst, plain []byte, p packing) []byte {
	if p == plainly {
		return append(dst, plain...)
	}
	of := &alphabets[p].of
	var word uint32
	bits := 0
	for _, c := range plain {
		word, bits = word<<6|uint32(of[c]), bits+6
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

func unpackText(dst, packed []byte, length int, p packing) []byte {
	if p == plainly {
		return append(dst, packed[:length]...)
	}
	char := &alphabets[p].char
	var word uint32
	bits := 0
	for range length {
		if bits < 6 {
			word, bits, packed = word<<8|uint32(packed[0]), bits+8, packed[1:]
		}
		bits -= 6
		dst = append(dst, char[word>>bits&63])
	}
	return dst
}
