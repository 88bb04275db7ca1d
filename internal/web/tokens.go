package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Role is what the holder of a token may do.
type Role string

// The roles. Operate includes Read.
const (
	Read    Role = "read"
	Operate Role = "operate"
)

// Identity is who asks, as the token file has it. It is no contact and no profile.
type Identity struct {
	Role Role
	Name string // empty for a bare token, and on loopback without a token file
}

// Token is one line of the token file. Of the token itself only the hash is kept.
type Token struct {
	Identity
	hash [sha256.Size]byte
}

var (
	errNoToken  = errors.New("the file holds no token; write a line role:name:token (role: read or operate), or a token alone")
	namePattern = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)
)

// ParseTokens reads a token file: a line is role:name:token, or a token without a colon, which reads. Empty lines and
// those that begin with # are passed over. An error names the line and never what it holds.
func ParseTokens(text string) ([]Token, error) {
	var tokens []Token
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		token, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the token file %w", i+1, err)
		}
		for _, other := range tokens {
			if other.hash == token.hash {
				return nil, fmt.Errorf("line %d of the token file holds the token of an earlier line: give each its own", i+1)
			}
		}
		tokens = append(tokens, token)
	}
	if len(tokens) == 0 {
		return nil, errNoToken
	}
	return tokens, nil
}

func parseToken(line string) (Token, error) {
	secret, who := line, Identity{Role: Read}
	if role, rest, named := strings.Cut(line, ":"); named {
		name, token, complete := strings.Cut(rest, ":")
		secret, who = strings.TrimSpace(token), Identity{Role: Role(role), Name: name}
		switch {
		case who.Role != Read && who.Role != Operate:
			return Token{}, errors.New("begins with a role that there is not: write read:name:token or operate:name:token")
		case !complete || secret == "":
			return Token{}, errors.New("lacks a part: write role:name:token")
		case !namePattern.MatchString(name):
			return Token{}, errors.New("has a name that is not of letters, digits and . _ @ -, 1 to 64 of them")
		}
	}
	return Token{Identity: who, hash: sha256.Sum256([]byte(secret))}, nil
}

// find gives whose token was offered. Every line is compared, so that the time taken tells nothing.
func find(tokens []Token, offered string) (who Identity, ok bool) {
	hash := sha256.Sum256([]byte(offered))
	for i := range tokens {
		if subtle.ConstantTimeCompare(tokens[i].hash[:], hash[:]) == 1 {
			who, ok = tokens[i].Identity, true
		}
	}
	return who, ok && offered != ""
}

type identityKey struct{}

func withIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// WhoAsks is who makes the request of a context that a handler here got: nobody, without a role, in any other.
func WhoAsks(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey{}).(Identity)
	return who
}
