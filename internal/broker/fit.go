package broker

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"rollcall/internal/segment"
)

// minLedgerMessage is what a ledger's stream has to take: an entry of 0.9 MB with its headers.
const minLedgerMessage = 1_000_000

// fitEvents judges an event stream. It refuses what would lose events in silence: above all a stream that
// takes unkeyed subjects and keeps fewer than all messages of one (H12), and a keyed one that lets old
// state go.
func fitEvents(cfg jetstream.StreamConfig, unkeyed, keyed bool) error {
	no := func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	}
	perSubject := cfg.MaxMsgsPerSubject
	switch {
	case !unkeyed && !keyed:
		return no("subjects", strings.Join(cfg.Subjects, " "), keyedMembership+" (keyed) or "+unkeyedMembership+" (unkeyed)",
			"add the subjects of Rollcall's contract, or name another stream")
	case unkeyed && perSubject > 0:
		return no("max_msgs_per_subject", fmt.Sprint(perSubject),
			"-1, because the stream takes the three-token subject "+unkeyedMembership+", on which each event would replace the one before, of whatever profile",
			edit(cfg.Name, "--max-msgs-per-subject=-1")+"; or make its subjects keyed: "+keyedMembership)
	case cfg.Retention != jetstream.LimitsPolicy:
		return no("retention", cfg.Retention.String(), "limits, because events stay after they were acknowledged", remake(cfg.Name))
	case cfg.NoAck:
		return no("no_ack", "true", "false, because publishers wait for the acknowledgement", remake(cfg.Name))
	case cfg.Storage != jetstream.FileStorage:
		return no("storage", cfg.Storage.String(), "file, because a broker that starts again has lost what was in memory", remake(cfg.Name))
	case cfg.MaxMsgSize > 0 && cfg.MaxMsgSize < segment.MaxBody:
		return no("max_msg_size", fmt.Sprint(cfg.MaxMsgSize), fmt.Sprintf("-1, or more than the %d bytes of the largest event and its headers", segment.MaxBody),
			edit(cfg.Name, "--max-msg-size=-1"))
	case keyed && !unkeyed:
		return fitKeyed(cfg, no)
	}
	return nil
}

// fitKeyed refuses what would let go of the only event that holds a membership.
func fitKeyed(cfg jetstream.StreamConfig, no func(setting, value, need, help string) error) error {
	const why = ", because a keyed stream always holds the whole current state"
	switch {
	case cfg.AllowMsgTTL:
		return no("allow_msg_ttl", "true", "false"+why+": a membership that expires would leave its contact on the list", remake(cfg.Name))
	case cfg.MaxAge > 0:
		return no("max_age", cfg.MaxAge.String(), "0"+why, edit(cfg.Name, "--max-age=0"))
	case cfg.MaxMsgs > 0 && cfg.Discard == jetstream.DiscardOld:
		return no("max_msgs", fmt.Sprint(cfg.MaxMsgs), "-1, or discard: new"+why, edit(cfg.Name, "--max-msgs=-1"))
	case cfg.MaxBytes > 0 && cfg.Discard == jetstream.DiscardOld:
		return no("max_bytes", fmt.Sprint(cfg.MaxBytes), "-1, or discard: new"+why, edit(cfg.Name, "--max-bytes=-1"))
	case cfg.DiscardNewPerSubject && cfg.MaxMsgsPerSubject > 0:
		return no("discard_new_per_subject", "true", "false, because a newer event has to replace the one before", edit(cfg.Name, "--no-discard-per-subject"))
	}
	return nil
}

// fitLedger judges the stream of the journals, whose every message is the state of a destination.
func fitLedger(cfg jetstream.StreamConfig) error {
	no := func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	}
	switch {
	case cfg.MaxAge > 0:
		return no("max_age", cfg.MaxAge.String(), "0: journals don't age", edit(cfg.Name, "--max-age=0"))
	case cfg.MaxMsgsPerSubject > 0:
		return no("max_msgs_per_subject", fmt.Sprint(cfg.MaxMsgsPerSubject), "-1: a journal is many entries on one subject", edit(cfg.Name, "--max-msgs-per-subject=-1"))
	case cfg.MaxMsgSize > 0 && cfg.MaxMsgSize < minLedgerMessage:
		return no("max_msg_size", fmt.Sprint(cfg.MaxMsgSize), fmt.Sprintf("-1, or %d and more", minLedgerMessage), edit(cfg.Name, "--max-msg-size=-1"))
	case cfg.DenyDelete || cfg.DenyPurge:
		return no("deny_delete or deny_purge", "true", "false: snapshots replace the journal, erasures overwrite it", remake(cfg.Name))
	}
	return fitDurable(cfg, no)
}

// fitLetters judges the stream of the dead letters; it may let go of old ones by their age.
func fitLetters(cfg jetstream.StreamConfig) error {
	no := func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	}
	if cfg.DenyDelete || cfg.DenyPurge {
		return no("deny_delete or deny_purge", "true", "false: an erasure takes a person's letters away", remake(cfg.Name))
	}
	return fitDurable(cfg, no)
}

// fitReceipts judges the stream of the receipts; it may let go of old ones by their age.
func fitReceipts(cfg jetstream.StreamConfig) error {
	return fitDurable(cfg, func(setting, value, need, help string) error {
		return &UnfitError{Stream: cfg.Name, Setting: setting, Value: value, Need: need, Help: help}
	})
}

// fitDurable refuses what loses an acknowledged write, or acknowledges none. At a limit a stream is to refuse what is new:
// that is seen at once, and what it let go of instead is not.
func fitDurable(cfg jetstream.StreamConfig, no func(setting, value, need, help string) error) error {
	switch {
	case cfg.MaxMsgs > 0 && cfg.Discard == jetstream.DiscardOld:
		return no("max_msgs", fmt.Sprint(cfg.MaxMsgs), "-1, or discard: new", edit(cfg.Name, "--max-msgs=-1"))
	case cfg.MaxBytes > 0 && cfg.Discard == jetstream.DiscardOld:
		return no("max_bytes", fmt.Sprint(cfg.MaxBytes), "-1, or discard: new", edit(cfg.Name, "--max-bytes=-1"))
	case cfg.Storage != jetstream.FileStorage:
		return no("storage", cfg.Storage.String(), "file", remake(cfg.Name))
	case cfg.Retention != jetstream.LimitsPolicy:
		return no("retention", cfg.Retention.String(), "limits", remake(cfg.Name))
	case cfg.PersistMode == jetstream.AsyncPersistMode:
		return no("persist_mode", "async", "default: an acknowledged write is on the disk", remake(cfg.Name))
	case cfg.NoAck:
		return no("no_ack", "true", "false", remake(cfg.Name))
	case cfg.Sealed:
		return no("sealed", "true", "false", remake(cfg.Name))
	}
	return nil
}

// fitSubjects refuses a stream that does not take what is published to it.
func fitSubjects(cfg jetstream.StreamConfig, need string) error {
	if anyCovers(cfg.Subjects, need) {
		return nil
	}
	return &UnfitError{
		Stream: cfg.Name, Setting: "subjects", Value: strings.Join(cfg.Subjects, " "), Need: need,
		Help: edit(cfg.Name, "--subjects="+need),
	}
}
