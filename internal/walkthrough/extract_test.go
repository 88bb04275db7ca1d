package walkthrough

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// block is one fenced block of shell commands.
type block struct {
	commands     string
	keepsRunning bool
	port         string // where it listens once it is up; "" is nowhere
	line         int    // of its fence
}

var fence = regexp.MustCompile("^```sh(?: (keeps-running))?(?: port=([0-9]+))?$")

// extract takes the blocks between the two markers, in order.
func extract(readme string) ([]block, error) {
	var blocks []block
	inside, open := false, false
	for number, line := range strings.Split(readme, "\n") {
		switch match := fence.FindStringSubmatch(line); {
		case line == "<!-- walkthrough:begin -->":
			inside = true
		case line == "<!-- walkthrough:end -->":
			if open {
				return nil, fmt.Errorf("line %d: the walk-through ends inside a block", number+1)
			}
			return blocks, nil
		case !inside:
		case open && line == "```":
			open = false
		case open:
			blocks[len(blocks)-1].commands += line + "\n"
		case match != nil:
			open = true
			blocks = append(blocks, block{keepsRunning: match[1] != "", port: match[2], line: number + 1})
		case strings.HasPrefix(line, "```"):
			return nil, fmt.Errorf("line %d: %q is no block that the test knows how to run", number+1, line)
		}
	}
	return nil, fmt.Errorf("the walk-through has no end (begun: %v)", inside)
}

func TestExtractTakesTheMarkedBlocksInOrder(t *testing.T) {
	const readme = "```sh\nnot this\n```\n<!-- walkthrough:begin -->\ntext\n```sh\na\nb\n```\n```sh keeps-running port=4222\nserver\n```\n<!-- walkthrough:end -->\n"
	got, err := extract(readme)
	want := []block{{commands: "a\nb\n", line: 6}, {commands: "server\n", keepsRunning: true, port: "4222", line: 10}}
	if err != nil || !cmp.Equal(want, got, cmp.AllowUnexported(block{})) {
		t.Errorf("extracted %+v, %v", got, err)
	}
	for _, bad := range []string{"", "<!-- walkthrough:begin -->\n```sh\na\n<!-- walkthrough:end -->", "<!-- walkthrough:begin -->\n```bash\n```\n<!-- walkthrough:end -->"} {
		if _, err := extract(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
