package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"rollcall/internal/broker"
)

// maxMappedFields is how many fields besides the e-mail the ledger keeps the presence of.
const maxMappedFields = 64

// checkRules holds the file against the rules that span more than one key.
func (d *decoder) checkRules(cfg *Config) {
	d.checkNATS(&cfg.NATS)
	d.checkSizes(&cfg.Retention)
	accounts := map[string]int{}
	for i := range cfg.Accounts {
		at := fmt.Sprintf("accounts[%d]", i)
		d.unique(accounts, cfg.Accounts[i].ID, at, i)
		d.checkAccount(at, &cfg.Accounts[i])
	}
	ids := map[string]int{}
	lists := map[string]int{}
	for i := range cfg.Destinations {
		destination, at := &cfg.Destinations[i], fmt.Sprintf("destinations[%d]", i)
		d.unique(ids, destination.ID, at, i)
		d.checkDestination(at, destination)
		if _, known := cfg.Account(destination.Account); !known && destination.Account != "" {
			d.fail(at+".account", "names no account of this file: add it under accounts, or name one of: %s", accountIDs(cfg))
		}
		list := listOf(cfg, destination)
		if first, twice := lists[list]; twice && destination.ListID != "" {
			d.fail(at+".list_id", "is the list of destinations[%d] too, and two destinations would undo each other's work: give each a list of its own, or put the segments into one", first)
		} else {
			lists[list] = i
		}
	}
	d.checkCaps(cfg)
}

// listOf names a destination's list among all of the file: one SendGrid account may stand in it under two ids.
func listOf(cfg *Config, destination *Destination) string {
	where := destination.Account
	if account, ok := cfg.Account(destination.Account); ok {
		where = account.BaseURL + "\x00" + account.OnBehalfOf
	}
	return where + "\x00" + destination.ListID
}

func (d *decoder) unique(seen map[string]int, id, at string, index int) {
	if id == "" {
		return // missing, and said so
	}
	if first, twice := seen[id]; twice {
		list, _, _ := strings.Cut(at, "[")
		d.fail(at+".id", "is the id of %s[%d] too: give each its own", list, first)
		return
	}
	seen[id] = index
}

// checkNATS allows one way to the broker, and clears the default address where another is named.
func (d *decoder) checkNATS(nats *NATS) {
	ways := 0
	for _, way := range []string{"nats.url", "nats.context", "nats.embedded"} {
		if d.has(way) {
			if ways++; ways == 2 {
				d.fail(way, "is a second way to the broker: name one of url, context and embedded")
			}
		}
	}
	if ways == 1 && !d.has("nats.url") {
		nats.URL = ""
	}
	if nats.CredsFile != "" && nats.NKeyFile != "" {
		d.fail("nats.nkey_file", "goes with no creds_file: name one of them")
	}
	if (nats.TLS.CertFile == "") != (nats.TLS.KeyFile == "") {
		d.fail("nats.tls", "needs cert_file and key_file together")
	}
	if err := broker.FitLease(nats.Takeover); err != nil {
		d.fail("nats.takeover", "%v", err)
	}
	if nats.Embedded == nil {
		return
	}
	for _, name := range []string{"creds_file", "nkey_file", "tls", "domain"} {
		if d.has("nats." + name) {
			d.fail("nats."+name, "does not go with embedded: take one of them out")
		}
	}
	if nats.Replicas > 1 {
		d.fail("nats.replicas", "must be 1 with embedded, which is one broker; use url and a cluster for more")
	}
	if len(nats.Embedded.Users) == 0 && !Loopback(nats.Embedded.Listen) && nats.Embedded.Listen != "" {
		d.fail("nats.embedded.listen", "is open to other machines without users: listen on 127.0.0.1, or add users")
	}
}

// Loopback reports whether an address to listen on is reached from this machine alone.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *decoder) checkAccount(at string, account *Account) {
	switch hasKey, hasFile := d.has(at+".api_key"), d.has(at+".api_key_file"); {
	case hasKey && hasFile:
		d.fail(at+".api_key_file", "goes with no api_key: name one of them")
	case !hasKey && !hasFile:
		d.fail(at+".api_key", "is missing: write ${NAME} of an environment variable that holds the key, or use api_key_file")
	}
	account.APIKey = strings.TrimSpace(account.APIKey)
	account.BaseURL = strings.TrimRight(account.BaseURL, "/")
	base, err := url.Parse(account.BaseURL)
	if err != nil {
		d.fail(at+".base_url", "is no URL that can be read")
		return
	}
	if path := strings.TrimRight(base.Path, "/"); path == "/v3" || strings.HasSuffix(path, "/v3") {
		d.fail(at+".base_url", "ends in /v3, which Rollcall adds itself: take it out")
	}
	host := strings.TrimSuffix(strings.ToLower(base.Hostname()), ".")
	sendgrid := host == "sendgrid.com" || strings.HasSuffix(host, ".sendgrid.com")
	if sendgrid && account.ClockScale != 1 {
		d.fail(at+".clock_scale", "is for a simulator alone: SendGrid's clock runs at 1; take the key out")
	}
	if sendgrid && base.Scheme != "https" {
		d.fail(at+".base_url", "must be https for SendGrid: the key would travel in the clear")
	}
}

func (d *decoder) checkDestination(at string, destination *Destination) {
	if destination.Debounce.Quiet > destination.Debounce.MaxWait {
		d.fail(at+".debounce.quiet", "is above max_wait (%v above %v): lower it, or raise max_wait",
			destination.Debounce.Quiet, destination.Debounce.MaxWait)
	}
	for i, segment := range destination.Segments {
		if first := slices.Index(destination.Segments, segment); first < i && segment != "" {
			d.fail(fmt.Sprintf("%s.segments[%d]", at, i), "names a segment twice: take one out")
		}
	}
	d.checkMapping(at+".mapping", destination.Mapping)
}

func (d *decoder) checkMapping(at string, mapping Mapping) {
	if fields := len(mapping.Mapped()); fields > maxMappedFields {
		d.fail(at, "maps %d fields besides the e-mail: at most %d can be mapped", fields, maxMappedFields)
	}
	seen := map[string]string{}
	for _, mapped := range mapping.Mapped() {
		if !mapped.Custom {
			continue
		}
		name, key := strings.ToLower(mapped.Name), at+".custom_fields."+mapped.Name
		if name == "email" || slices.Contains(textFields, name) {
			d.fail(key, "is SendGrid's own field: put it beside email, not under custom_fields")
		}
		if other, twice := seen[name]; twice {
			d.fail(key, "is the same field as %s to SendGrid, which ignores case: keep one", other)
		}
		seen[name] = mapped.Name
	}
}

// checkCaps holds the caps of an account's destinations against its own.
func (d *decoder) checkCaps(cfg *Config) {
	for i := range cfg.Accounts {
		account := &cfg.Accounts[i]
		if account.ProfileCap == 0 {
			continue
		}
		at, sum := fmt.Sprintf("accounts[%d].profile_cap", i), int64(0)
		for j := range cfg.Destinations {
			destination := &cfg.Destinations[j]
			if destination.Account != account.ID {
				continue
			}
			if destination.ProfileCap == 0 && d.has(fmt.Sprintf("destinations[%d].profile_cap", j)) {
				d.fail(fmt.Sprintf("destinations[%d].profile_cap", j), "is 0 (none), above the account's cap of %d: give it a cap, or take the account's out", account.ProfileCap)
			}
			sum += destination.ProfileCap
		}
		if sum > account.ProfileCap {
			d.fail(at, "is %d, and the caps of its destinations add up to %d: raise it, or lower theirs", account.ProfileCap, sum)
		}
	}
}

func accountIDs(cfg *Config) string {
	ids := make([]string, 0, len(cfg.Accounts))
	for i := range cfg.Accounts {
		ids = append(ids, cfg.Accounts[i].ID)
	}
	return strings.Join(ids, ", ")
}
