package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What the library that reads the command line says of a misuse is said in our words here: its own name Go functions and its groups.

// arguments takes exactly the arguments that its names name.
func arguments(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, given []string) error {
		switch {
		case len(given) > len(names) && len(names) == 0:
			return fmt.Errorf("%s takes no arguments", command.CommandPath())
		case len(given) > len(names):
			return fmt.Errorf("%s takes %s and nothing more", command.CommandPath(), strings.Join(names, " and "))
		case len(given) < len(names):
			return fmt.Errorf("%s is missing: %s", names[len(given)], strings.TrimSuffix(command.UseLine(), " [flags]"))
		}
		return nil
	}
}

var (
	unknownCommand  = regexp.MustCompile(`^unknown command "([^"]*)" for "([^"]*)"`)
	suggestions     = regexp.MustCompile(`\n\t(\S+)`)
	requiredFlags   = regexp.MustCompile(`^required flag\(s\) (.*) not set$`)
	exclusiveGroups = regexp.MustCompile(`^if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set$`)
)

// worded says a misuse in our words. Errors that are ours already stay as they are.
func worded(err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	text := err.Error()
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("there is no flag %s", dashed(unknown.GetSpecifiedName()))
	case errors.As(err, &value):
		return fmt.Errorf("%s needs a value", dashed(value.GetSpecifiedName()))
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s takes %s", invalid.GetFlag().Name, takes(invalid.GetFlag()))
	}
	if m := unknownCommand.FindStringSubmatch(text); m != nil {
		var close []string
		for _, s := range suggestions.FindAllStringSubmatch(text, -1) {
			close = append(close, s[1])
		}
		if len(close) > 0 {
			return fmt.Errorf("%s has no command %q: did you mean %s?", m[2], m[1], strings.Join(close, ", "))
		}
		return fmt.Errorf("%s has no command %q", m[2], m[1])
	}
	if m := requiredFlags.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("--%s is missing", strings.ReplaceAll(strings.ReplaceAll(m[1], `", "`, " and --"), `"`, ""))
	}
	if m := exclusiveGroups.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("--%s do not go together: give one", strings.ReplaceAll(m[1], " ", " and --"))
	}
	return err
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// takes says what a flag takes, by its type.
func takes(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "int", "int64":
		return "a whole number"
	case "uint64":
		return "a whole number from 0 on"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 30s or 5m"
	}
	return "another value"
}

// limited refuses a negative number of lines.
func limited(limit int) error {
	if limit < 0 {
		return misuse("--limit is %d: it is 0 at least", limit)
	}
	return nil
}
