package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"rollcall/internal/desk"
	"rollcall/internal/segment"
)

// completed registers the values that the shell offers for a flag. Values are closed sets or the file's: none asks the broker,
// which a shell must not wait for.
func completed(command *cobra.Command, flag string, values func(arguments []string) []string) {
	err := command.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
		return values(arguments), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the command has no such flag, or two completions of it: a mistake of this package
	}
}

// receiptKinds are the values of --kind.
func receiptKinds([]string) []string { return desk.ReceiptKinds }

// letterReasons are the values of --reason.
func letterReasons([]string) []string {
	names := make([]string, 0, len(segment.Reasons))
	for _, r := range segment.Reasons {
		names = append(names, string(r))
	}
	return names
}

// segments are the values of --segment: those of the destination that the command line names already, else of the whole file.
func (e *Env) segments(arguments []string) []string {
	cfg, err := e.load()
	if err != nil {
		return nil
	}
	var names []string
	for i := range cfg.Destinations {
		if d := &cfg.Destinations[i]; len(arguments) == 0 || d.ID == arguments[0] {
			names = append(names, d.Segments...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
