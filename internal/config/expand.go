package config

import (
	"fmt"
	"regexp"
	"strings"
)

// LookupEnv answers for an environment variable, as os.LookupEnv does.
type LookupEnv func(name string) (string, bool)

var (
	referencePattern = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
	variablePattern  = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
)

// expand replaces each ${NAME}; $${ is a literal ${. The error says what to do, without any value.
func expand(text string, env LookupEnv) (string, error) {
	var failed error
	expanded := referencePattern.ReplaceAllStringFunc(text, func(reference string) string {
		if strings.HasPrefix(reference, "$$") {
			return reference[1:]
		}
		name := variablePattern.FindStringSubmatch(reference)
		if name == nil {
			failed = fmt.Errorf("holds a ${ that is no ${NAME}; write $${ where you mean it literally")
			return ""
		}
		value, ok := env(name[1])
		if !ok {
			failed = fmt.Errorf("the environment variable %s is not set; export %s=... before the start, or write $${ for a literal ${", name[1], name[1])
			return ""
		}
		return value
	})
	return expanded, failed
}

// referencesOnly reports whether a text consists of ${NAME} alone: nothing of a secret is in the file.
func referencesOnly(text string) bool {
	rest := referencePattern.ReplaceAllStringFunc(text, func(reference string) string {
		if variablePattern.MatchString(reference) {
			return ""
		}
		return reference
	})
	return text != "" && strings.TrimSpace(rest) == ""
}
