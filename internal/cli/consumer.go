package cli

import "github.com/spf13/cobra"

// Consumer is the root of the consumer's commands.
func Consumer(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "consumer",
		Short: "Keeps SendGrid contact lists equal to segments",
		Long: "Rollcall keeps SendGrid contact lists equal to the segments that a segmentation engine computes.\n\n" +
			"Exit status: 0 done; 1 failed; 2 misuse, or a configuration that can't be read; 3 done, and the answer is no.",
		Version: env.Version,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	env.connectionFlags(root)
	root.AddCommand(newRunCommand(env))
	root.AddCommand(newCheckCommand(env))
	root.AddCommand(newDemoCommand(env))
	root.AddCommand(newBenchCommand(env))
	root.AddCommand(newSimulatorCommand(env))
	root.AddCommand(newStatusCommand(env), newExplainCommand(env), newWaitingCommand(env), newReceiptsCommand(env))
	root.AddCommand(newLettersCommand(env), newApproveCommand(env), newReplayCommand(env), newVerifyCommand(env), newLedgerCommand(env), newRebaseCommand(env), newRemoveCommand(env))
	root.AddCommand(newSteeringCommands(env)...)
	return root
}
