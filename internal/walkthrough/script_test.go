package walkthrough

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// script is one bash script of all blocks. A block that keeps running becomes a background job with a log of its own; the next
// one starts when its port answers. The jobs end with the shell.
func script(blocks []block, logs string) string {
	var s strings.Builder
	s.WriteString("set -e\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	for i, b := range blocks {
		fmt.Fprintf(&s, "echo '--- README line %d'\n", b.line)
		if !b.keepsRunning {
			s.WriteString(b.commands)
			continue
		}
		// exec: the signal at the end must reach the program, not a shell around it.
		fmt.Fprintf(&s, "( exec %s ) >'%s/%d.log' 2>&1 &\nbackground=$!\n", strings.TrimSpace(b.commands), logs, i)
		if b.port != "" {
			fmt.Fprintf(&s, "until (exec 3<>/dev/tcp/127.0.0.1/%s) 2>/dev/null; do kill -0 $background || { echo 'it ended:'; cat '%s/%d.log'; exit 1; }; sleep 0.1; done\n", b.port, logs, i)
		}
	}
	return s.String()
}

// elsewhere replaces the README's folder by dir, and each of its ports that is taken by a free one.
func elsewhere(t *testing.T, blocks []block, dir string) []block {
	t.Helper()
	replace := []string{"data/walkthrough", dir}
	for _, b := range blocks {
		if b.port == "" {
			continue
		}
		if listener, err := net.Listen("tcp", "127.0.0.1:"+b.port); err == nil && os.Getenv("ROLLCALL_WALKTHROUGH_PORTS") != "free" {
			listener.Close()
			continue
		}
		port := freePort(t)
		t.Logf("port %s becomes %s", b.port, port)
		replace = append(replace, b.port, port)
	}
	replacer := strings.NewReplacer(replace...)
	moved := make([]block, len(blocks))
	for i, b := range blocks {
		b.commands, b.port = replacer.Replace(b.commands), replacer.Replace(b.port)
		moved[i] = b
	}
	return moved
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
