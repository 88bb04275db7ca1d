package manifests

import (
	"bytes"
	"path"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

// setting are the values of a unit's key, in order.
func setting(t *testing.T, file, section, key string) []string {
	t.Helper()
	options, err := unit.Deserialize(bytes.NewReader(read(t, "deployments/systemd/"+file)))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var values []string
	for _, o := range options {
		if o.Section == section && o.Name == key {
			values = append(values, o.Value)
		}
	}
	return values
}

func is(t *testing.T, file, section, key, want string) {
	t.Helper()
	if got := strings.Join(setting(t, file, section, key), " "); got != want {
		t.Errorf("%s: %s is %q, want %q", file, key, got, want)
	}
}

func TestTheUnitsRunWithoutRights(t *testing.T) {
	for _, file := range []string{"rollcall.service", "rollcall-refresh.service"} {
		for key, want := range map[string]string{
			"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "CapabilityBoundingSet": "",
		} {
			is(t, file, "Service", key, want)
		}
	}
}

// What the stop does fits into the time that systemd gives it; a crash is followed by a start, however
// many there were; a configuration that can't be read is not.
func TestTheConsumerIsStoppedGentlyAndStartedAgain(t *testing.T) {
	for key, want := range map[string]string{"KillSignal": "SIGTERM", "TimeoutStopSec": "30", "Restart": "always", "RestartPreventExitStatus": "2"} {
		is(t, "rollcall.service", "Service", key, want)
	}
	is(t, "rollcall.service", "Unit", "StartLimitIntervalSec", "0")
}

func TestTheTimerStartsTheRefresh(t *testing.T) {
	is(t, "rollcall-refresh.timer", "Timer", "Persistent", "true")
	if len(setting(t, "rollcall-refresh.timer", "Timer", "OnCalendar")) != 1 || len(setting(t, "rollcall-refresh.timer", "Timer", "Unit")) != 0 {
		t.Error("the timer starts the service of its own name, once a day")
	}
	is(t, "rollcall-refresh.service", "Service", "Type", "oneshot")
}

func TestTheCommandsOfTheUnitsExist(t *testing.T) {
	for file, program := range map[string]string{"rollcall.service": "consumer", "rollcall-refresh.service": "publisher"} {
		words := strings.Fields(strings.Join(setting(t, file, "Service", "ExecStart"), " "))
		if len(words) < 2 || path.Base(words[0]) != program || !path.IsAbs(words[0]) {
			t.Fatalf("%s starts %q", file, words)
		}
		accepts(t, program, words[1:])
	}
}
