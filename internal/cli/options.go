package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"rollcall/internal/config"
)

// Environment variables that stand behind flags.
const (
	configVariable  = "ROLLCALL_CONFIG"
	natsURLVariable = "NATS_URL"
	inboxVariable   = "NATS_INBOX_PREFIX"
)

// connectionFlags are what every command knows: where the file is, and which broker goes before it.
func (e *Env) connectionFlags(root *cobra.Command) {
	root.PersistentFlags().StringVar(&e.configPath, "config", "", "configuration `FILE` (default $"+configVariable+", else "+config.DefaultPath+")")
	root.PersistentFlags().StringVar(&e.natsURL, "nats-url", "", "broker's `URL` (default $"+natsURLVariable+", else the file's nats section)")
	root.PersistentFlags().StringVar(&e.inboxPrefix, "inbox-prefix", "", "`PREFIX` of the subjects on which answers arrive (default $"+inboxVariable+", else the file's nats.inbox_prefix)")
}

func (e *Env) jsonFlag(command *cobra.Command) {
	command.Flags().BoolVar(&e.json, "json", false, "print JSON for programs")
}

// path is the configuration file, and whether somebody named it.
func (e *Env) path() (path string, named bool) {
	if e.configPath != "" {
		return e.configPath, true
	}
	if path, ok := e.LookupEnv(configVariable); ok && path != "" {
		return path, true
	}
	return config.DefaultPath, false
}

// brokerURL is the broker that flag or environment name, or empty.
func (e *Env) brokerURL() string {
	if e.natsURL != "" {
		return e.natsURL
	}
	url, _ := e.LookupEnv(natsURLVariable)
	return url
}

// load reads the whole configuration: flags over environment over file.
func (e *Env) load() (*config.Config, error) {
	path, _ := e.path()
	cfg, err := config.Load(path, e.LookupEnv)
	if err != nil {
		return nil, err
	}
	if url := e.brokerURL(); url != "" {
		cfg.NATS.Override(url)
	}
	return cfg, e.answers(&cfg.NATS)
}

// loadNATS reads the nats section alone. Where the broker was named by flag or environment, the file is
// needed only if somebody named it too.
func (e *Env) loadNATS() (config.NATS, error) {
	path, named := e.path()
	url := e.brokerURL()
	if _, err := os.Stat(path); url != "" && !named && errors.Is(err, os.ErrNotExist) {
		section := config.DefaultNATS()
		section.Override(url)
		return section, e.answers(&section)
	}
	section, err := config.LoadNATS(path, e.LookupEnv)
	if err != nil {
		return config.NATS{}, err
	}
	if url != "" {
		section.Override(url)
	}
	return section, e.answers(&section)
}

// answers takes over the prefix of the subjects on which answers arrive that flag or environment name.
func (e *Env) answers(section *config.NATS) error {
	prefix := e.inboxPrefix
	if named, ok := e.LookupEnv(inboxVariable); ok && prefix == "" {
		prefix = named
	}
	if prefix == "" {
		return nil
	}
	if !config.SubjectPrefix(prefix) {
		return misuse("the inbox prefix is no subject: words of at most 64 characters without white space, * and >, parted by dots")
	}
	section.InboxPrefix = prefix
	return nil
}
