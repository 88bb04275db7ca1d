package control

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheRunbookHasAnAnchorForEverySuspendedReason(t *testing.T) {
	page, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	_, suspended, found := strings.Cut(string(page), "\n## Suspended\n")
	if !found {
		t.Fatal("the runbook has no section on suspended destinations")
	}
	anchors := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^### ([a-z_]+)$`).FindAllStringSubmatch(suspended, -1) {
		anchors[match[1]] = true
	}
	for reason := range suspendedNext {
		if !anchors[reason] {
			t.Errorf("the runbook has no anchor #%s", reason)
		}
		delete(anchors, reason)
	}
	for name := range anchors {
		t.Errorf("the runbook explains %s, which is no reason", name)
	}
}

// The situations name the tests that run their commands.
func TestTheRunbooksTestsExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	files, err := filepath.Glob("../cli/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(body)
	}
	named := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 8 {
		t.Errorf("the runbook names %d tests", len(named))
	}
	for _, match := range named {
		if !strings.Contains(all.String(), "func "+match[1]+"(") {
			t.Errorf("the runbook names %s, which does not exist", match[1])
		}
	}
}
