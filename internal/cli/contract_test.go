package cli

import (
	"strings"
	"testing"
)

// The commands and flags of the public contract, sections 4 and 6, as they are built: what a script may give, by the command's path.
var contractFlags = map[string]string{
	"consumer run": "", "consumer check": "--defaults --json", "consumer demo": "--json", "consumer status": "--json",
	"consumer explain": "--json", "consumer waiting": "--json", "consumer receipts": "--json",
	"consumer dead-letters":         "--reason --since --profile --sequence --reveal --yes --json",
	"consumer dead-letters list":    "--reason --since --profile --sequence --reveal --yes --json",
	"consumer dead-letters show":    "--reason --since --profile --sequence --reveal --yes --json",
	"consumer dead-letters retry":   "--reason --since --profile --sequence --reveal --yes --json --comment",
	"consumer dead-letters discard": "--reason --since --profile --sequence --reveal --yes --json --comment",
	"consumer replay":               "--from-sequence --since --until --segment --profile --force --dry-run --yes --json",
	"consumer rebase":               "--comment --yes", "consumer pause": "--comment", "consumer resume": "--comment", "consumer flush": "--comment",
	"consumer approve": "--comment --yes", "consumer verify": "--repair --adopt --yes --json", "consumer remove": "--contacts --account --yes",
	"consumer ledger check": "--json", "consumer ledger commands": "--json", "consumer ledger dump": "", "consumer ledger backup": "", "consumer ledger restore": "--yes",
	"consumer simulator": "--listen --api-key --clock-scale --seed --faults --inspect",

	"publisher publish": "--map --map-file --preset --id-column --id-from --delimiter --encoding --rejects --strict --segment --change --create --dry-run --json", "publisher refresh": "--map --map-file --preset --id-column --id-from --delimiter --encoding --rejects --strict --segment --create --dry-run --json",
	"publisher exit": "--segment --attributes --json", "publisher erase": "--json", "publisher generate": "--json",
}

func TestEveryFlagOfTheContractIsThere(t *testing.T) {
	env := &Env{LookupEnv: func(string) (string, bool) { return "", false }}
	consumer, publisher := leaves(Consumer(env)), leaves(Publisher(env))
	for path, flags := range contractFlags {
		program, name, _ := strings.Cut(path, " ")
		command := consumer[name]
		if program == "publisher" {
			command = publisher[name]
		}
		if command == nil {
			t.Errorf("there is no command %s", path)
			continue
		}
		for _, flag := range append(strings.Fields(flags), "--config", "--nats-url") {
			if given := strings.TrimPrefix(flag, "--"); command.Flag(given) == nil && command.InheritedFlags().Lookup(given) == nil {
				t.Errorf("%s lacks %s", path, flag)
			}
		}
	}
}
