package house

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// outside matches what a clone elsewhere would not have: folders of one machine, and unfinished places. It is put together
// from halves, so that it does not match itself.
var outside = regexp.MustCompile(strings.Join([]string{
	`\.\./` + `shared`, `(^|[\s"'` + "`" + `(=:])/wo` + `rk/`, `/tmp/pl` + `an`, `/ro` + `ot/`, `/ho` + `me/[a-z]`, `/Us` + `ers/[a-z]`,
	`\bTO` + `DO\b`, `\bFIX` + `ME\b`,
}, "|"))

func TestTheRepositoryNamesNothingOutsideItself(t *testing.T) {
	for _, p := range files(t) {
		if p == ".git" || strings.Contains(p, "testdata/") || // .git is a file in a linked worktree
			strings.HasSuffix(p, ".sum") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(root, p))
		if os.IsNotExist(err) {
			continue // an editor's temporary file
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(body[:min(len(body), 8000)], 0) >= 0 {
			continue // not text
		}
		for number, line := range bytes.Split(body, []byte("\n")) {
			if found := outside.Find(line); found != nil {
				t.Errorf("%s:%d names %q, which a clone elsewhere does not have", p, number+1, found)
			}
		}
	}
}
