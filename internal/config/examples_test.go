package config

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"rollcall/schemas"
)

// The published examples, judged by the loader and by the schema for editors.
func TestThePublishedExamplesLoadOrAreRefusedAsTheirNamesSay(t *testing.T) {
	const dir = "examples/config"
	schema, err := schemas.Compile(schemas.Configuration)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(schemas.Files(), dir)
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, entry := range entries {
		body, err := fs.ReadFile(schemas.Files(), path.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		refused := strings.HasPrefix(entry.Name(), "refused-")
		if !refused {
			good++
		}
		if _, err := Parse(entry.Name(), body, testEnv); (err != nil) != refused {
			t.Errorf("%s: the loader says %v", entry.Name(), err)
		}
		if err := schemaAccepts(t, schema, string(body)); (err != nil) != refused {
			t.Errorf("%s: the schema says %v", entry.Name(), err)
		}
	}
	if good < 3 || len(entries) == good {
		t.Errorf("%d good examples of %d", good, len(entries))
	}
}

// What the contract's page calls the defaults are the defaults.
func TestTheExampleOfEverythingSaysTheDefaults(t *testing.T) {
	load := func(name string) *Config {
		body, err := fs.ReadFile(schemas.Files(), "examples/config/"+name)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := Parse(name, body, testEnv)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	least, everything := load("least.yaml"), load("everything.yaml")
	a, b := &least.Accounts[0], &everything.Accounts[0]
	if a.BaseURL != b.BaseURL || a.RequestTimeout != b.RequestTimeout || a.Horizon != b.Horizon || a.ClockScale != b.ClockScale || a.ReplayShare != b.ReplayShare {
		t.Errorf("accounts: %+v, %+v", a, b)
	}
	c, d := &least.Destinations[0], &everything.Destinations[0]
	if c.Stream != d.Stream || c.OnBadValue != d.OnBadValue || c.Debounce != d.Debounce || c.Batch != d.Batch || c.Guard != d.Guard || c.KeepDeparted != d.KeepDeparted {
		t.Errorf("destinations: %+v, %+v", c, d)
	}
	if least.NATS.URL != everything.NATS.URL || least.NATS.Takeover != everything.NATS.Takeover || least.Retention != everything.Retention ||
		least.Log != everything.Log || least.HTTP != everything.HTTP || least.NATS.Name != everything.NATS.Name || least.NATS.Replicas != 1 {
		t.Errorf("process: %+v, %+v", least, everything)
	}
}
