package config

// kind is the type of a key's value in the file.
type kind string

const (
	kindObject   kind = "object"
	kindList     kind = "list"
	kindMap      kind = "map" // of any name to text
	kindText     kind = "text"
	kindInteger  kind = "integer"
	kindNumber   kind = "number"
	kindDuration kind = "duration"
	kindDate     kind = "date"
)

// key is one line of the table that the loader, the JSON Schema and `consumer check --defaults` share.
// Bounds and defaults are spelled as the file would spell them; "" is none.
type key struct {
	path     string // [] is each item of a list, .* each entry of a map
	kind     kind
	unit     string
	def      string
	min, max string
	pattern  string
	names    string // the pattern of a map's names
	enum     []string
	required bool
	text     string
}

// Patterns of the words that the contract or the broker bound.
const (
	accountIDPattern     = `^[A-Za-z0-9_-]{1,64}$`
	destinationIDPattern = `^[a-z0-9-]{1,32}$`
	segmentPattern       = `^[A-Za-z0-9_-]{1,64}$`
	streamPattern        = `^[A-Za-z0-9_-]{1,128}$`
	listIDPattern        = `^[A-Za-z0-9_-]{1,64}$`
	urlPattern           = `^https?://[^\s/?#@]+(/[^\s?#]*)?$`
	listenPattern        = `^\S*:[0-9]{1,5}$`
	textPattern          = `^[^\x00-\x1f]{1,200}$`
	subjectPattern       = `^([^\s.*>]{1,64}(\.[^\s.*>]{1,64}){0,7})?$`
	wordPattern          = `^\S+$`
	customFieldPattern   = `^[A-Za-z_][A-Za-z0-9_]{0,99}$`
	maxStreamBytes       = "1000000000000000"
	datePattern          = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	durationPattern      = `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$|^0$`
)

// keys is the table: every key that the file may hold, a parent before its children.
var keys = join(
	[]key{{path: "", kind: kindObject, text: "Rollcall's configuration: one broker, SendGrid accounts, and destinations (lists) on them."}},
	natsKeys, processKeys, accountKeys, destinationKeys, mappingKeys, limitKeys)

var natsKeys = []key{
	{path: "nats", kind: kindObject, text: "The broker. One of url, context and embedded."},
	{path: "nats.url", kind: kindText, def: "nats://127.0.0.1:4222", pattern: wordPattern, text: "Where the broker listens; several are parted by commas. NATS_URL and --nats-url go before it."},
	{path: "nats.context", kind: kindText, pattern: wordPattern, text: "Name of a context of the nats CLI, instead of url."},
	{path: "nats.creds_file", kind: kindText, pattern: textPattern, text: "Credentials file (JWT and seed). Read again when it changes."},
	{path: "nats.nkey_file", kind: kindText, pattern: textPattern, text: "File of an nkey seed."},
	{path: "nats.tls", kind: kindObject, text: "Certificates of the connection to the broker."},
	{path: "nats.tls.ca_file", kind: kindText, pattern: textPattern, text: "Authorities that the broker's certificate is checked against, PEM."},
	{path: "nats.tls.cert_file", kind: kindText, pattern: textPattern, text: "Our certificate, PEM; with key_file."},
	{path: "nats.tls.key_file", kind: kindText, pattern: textPattern, text: "Key of our certificate, PEM; with cert_file."},
	{path: "nats.domain", kind: kindText, pattern: wordPattern, text: "JetStream domain, where the streams live behind a leaf node."},
	{path: "nats.inbox_prefix", kind: kindText, def: "", pattern: subjectPattern, text: "What every subject begins with on which answers to us arrive, so that the broker can keep them from others; empty is the context's, else _INBOX. NATS_INBOX_PREFIX and --inbox-prefix go before it."},
	{path: "nats.embedded", kind: kindObject, text: "A broker of our own inside run, with fsync, instead of url."},
	{path: "nats.embedded.store_dir", kind: kindText, def: "./data", pattern: textPattern, text: "Directory of its store, from the working directory; one process at a time."},
	{path: "nats.embedded.listen", kind: kindText, def: "127.0.0.1:4222", pattern: listenPattern, text: "Address that it listens on: loopback, unless users are given."},
	{path: "nats.embedded.users", kind: kindList, text: "Who may connect to it; our own commands connect as the first."},
	{path: "nats.embedded.users[]", kind: kindObject, text: "One user of the embedded broker."},
	{path: "nats.embedded.users[].name", kind: kindText, pattern: wordPattern, required: true, text: "The user's name."},
	{path: "nats.embedded.users[].password", kind: kindText, pattern: textPattern, required: true, text: "The user's password, usually ${NAME}."},
	{path: "nats.replicas", kind: kindInteger, def: "1", min: "1", max: "5", text: "Copies of the streams that we create; 3 on a cluster."},
	{path: "nats.name", kind: kindText, def: "rollcall", pattern: textPattern, text: "Name of our connections, as the broker's operator sees it."},
	{path: "nats.takeover", kind: kindDuration, def: "5s", min: "1s", max: "10m", text: "A crashed replica's destinations are active elsewhere after about this."},
}

var processKeys = []key{
	{path: "retention", kind: kindObject, text: "How long what was set aside is kept, and how large the streams may become, of those that we create."},
	{path: "retention.dead_letters", kind: kindDuration, def: "720h", min: "1m", text: "Age at which a dead letter goes."},
	{path: "retention.receipts", kind: kindDuration, def: "720h", min: "1m", text: "Age at which a receipt goes."},
	{path: "retention.events_max_bytes", kind: kindInteger, unit: "bytes", def: "0", min: "0", max: maxStreamBytes, text: "max_bytes of each event stream that we create, with discard: new, so that a full one refuses publishers; 0 sets none."},
	{path: "retention.ledger_max_bytes", kind: kindInteger, unit: "bytes", def: "0", min: "0", max: maxStreamBytes, text: "max_bytes of the ledger's stream, with discard: new; 0 sets none. A full one commits nothing more."},
	{path: "retention.snapshots_max_bytes", kind: kindInteger, unit: "bytes", def: "0", min: "0", max: maxStreamBytes, text: "max_bytes of the snapshots' bucket; 0 sets none. It holds two snapshots of each destination at a time."},
	{path: "retention.dead_letters_max_bytes", kind: kindInteger, unit: "bytes", def: "0", min: "0", max: maxStreamBytes, text: "max_bytes of the dead letters' stream, with discard: new; 0 sets none."},
	{path: "retention.receipts_max_bytes", kind: kindInteger, unit: "bytes", def: "0", min: "0", max: maxStreamBytes, text: "max_bytes of the receipts' stream, with discard: new; 0 sets none."},
	{path: "memory_limit", kind: kindInteger, unit: "bytes", def: "0", min: "0", text: "Soft limit of the process's memory; 0 is none."},
	{path: "log", kind: kindObject, text: "What is logged, to standard error."},
	{path: "log.level", kind: kindText, def: "info", enum: []string{"debug", "info", "warn", "error"}, text: "The least level that is logged."},
	{path: "log.format", kind: kindText, def: "auto", enum: []string{"auto", "text", "json"}, text: "auto is text on a terminal, else JSON."},
	{path: "http", kind: kindObject, text: "Health, metrics, the operator's page and its JSON."},
	{path: "http.listen", kind: kindText, def: "127.0.0.1:8780", pattern: listenPattern, text: "Address to serve on."},
	{path: "http.token_file", kind: kindText, def: "", text: "File of the tokens that / and /api ask for, lines of role:name:token (read, operate) or of a token alone (read). Without it they are open to this machine alone, but not through a proxy."},
	{path: "http.web_config_file", kind: kindText, def: "", text: "File of TLS for http, in the form of Prometheus' exporters (tls_server_config). Read again when it changes."},
	{path: "revision", kind: kindInteger, def: "0", min: "0", text: "A replica whose revision is lower than the ledger's stays standby."},
}

var accountKeys = []key{
	{path: "accounts", kind: kindList, required: true, text: "SendGrid accounts."},
	{path: "accounts[]", kind: kindObject, text: "One SendGrid account, or a subuser of one."},
	{path: "accounts[].id", kind: kindText, pattern: accountIDPattern, required: true, text: "Our name of the account."},
	{path: "accounts[].base_url", kind: kindText, def: "https://api.sendgrid.com", pattern: urlPattern, text: "Where its API is; EU subusers have https://api.eu.sendgrid.com."},
	{path: "accounts[].api_key", kind: kindText, text: "The API key as ${NAME} of an environment variable; a literal key is refused. This or api_key_file."},
	{path: "accounts[].api_key_file", kind: kindText, pattern: textPattern, text: "File of the API key, trimmed; read again when it changes and after a 401."},
	{path: "accounts[].on_behalf_of", kind: kindText, def: "", text: "Subuser to act for, sent as the on-behalf-of header."},
	{path: "accounts[].profile_cap", kind: kindInteger, unit: "contacts", def: "0", min: "0", max: "1000000000", text: "The caps of its destinations may not add up to more; 0 is none."},
	{path: "accounts[].request_timeout", kind: kindDuration, def: "60s", min: "1s", max: "10m", text: "Of one request, retries included, from its intent."},
	{path: "accounts[].horizon", kind: kindDuration, def: "5m", min: "1s", max: "24h", text: "Beyond request_timeout: how long an unanswered request may still be applied."},
	{path: "accounts[].clock_scale", kind: kindNumber, def: "1", min: "1", max: "100000", text: "For a simulator alone (refused for sendgrid.com): divides the horizon and every wait of ours on SendGrid's work."},
	{path: "accounts[].replay_share", kind: kindNumber, unit: "share", def: "0.2", min: "0.01", max: "1", text: "Share of the rate budget for replays and back-fills."},
}

var destinationKeys = []key{
	{path: "destinations", kind: kindList, required: true, text: "Lists that are kept equal to segments."},
	{path: "destinations[]", kind: kindObject, text: "One list on an account, with its segments, mapping, cap and windows."},
	{path: "destinations[].id", kind: kindText, pattern: destinationIDPattern, required: true, text: "Its name in streams, metrics and commands; it stays the same for life."},
	{path: "destinations[].name", kind: kindText, pattern: textPattern, required: true, text: "Its name for people."},
	{path: "destinations[].owner", kind: kindText, pattern: textPattern, required: true, text: "Who answers for this export."},
	{path: "destinations[].account", kind: kindText, pattern: accountIDPattern, required: true, text: "The id of one of accounts."},
	{path: "destinations[].list_id", kind: kindText, pattern: listIDPattern, required: true, text: "SendGrid's id of the list; another list is a new destination."},
	{path: "destinations[].stream", kind: kindText, def: "SEGMENT_EVENTS", pattern: streamPattern, text: "The stream of its events."},
	{path: "destinations[].segments", kind: kindList, required: true, min: "1", text: "The segments whose members are wanted on the list."},
	{path: "destinations[].segments[]", kind: kindText, pattern: segmentPattern, text: "A segment's id."},
	{path: "destinations[].consent", kind: kindObject, text: "Who accepted that this data leaves your boundary. Missing, the destination is suspended."},
	{path: "destinations[].consent.accepted_by", kind: kindText, pattern: textPattern, required: true, text: "Who accepted it."},
	{path: "destinations[].consent.accepted_on", kind: kindDate, required: true, text: "When, YYYY-MM-DD."},
	{path: "destinations[].consent.withdrawn_on", kind: kindDate, text: "When it was withdrawn, YYYY-MM-DD: suspends the destination."},
	{path: "destinations[].profile_cap", kind: kindInteger, unit: "contacts", required: true, min: "0", max: "1000000000", text: "The most contacts that Rollcall puts on the list; 0 is none. Others wait in order."},
	{path: "destinations[].keep_departed", kind: kindDuration, def: "9600h", min: "0", text: "How long a profile in no segment is remembered, against replays and for erasure; 0 is for ever."},
}

var mappingKeys = join([]key{
	{path: "destinations[].mapping", kind: kindObject, text: "Contact field: attribute. Without it the seven fields of the same names are sent, with it exactly those named."},
	{path: "destinations[].mapping.email", kind: kindText, pattern: textPattern, required: true, text: "The attribute that holds the e-mail, which is the contact's identity."},
}, textFieldKeys(), []key{
	{path: "destinations[].mapping.custom_fields", kind: kindMap, names: customFieldPattern, text: "SendGrid's name of a custom field: attribute."},
	{path: "destinations[].mapping.custom_fields.*", kind: kindText, pattern: textPattern, text: "The attribute that is sent as this custom field."},
})

var limitKeys = []key{
	{path: "destinations[].on_bad_value", kind: kindText, def: OnBadValueDeadLetter, enum: []string{OnBadValueDeadLetter, OnBadValueOmit}, text: "A value that does not fit its field: refuse the contact, or omit the field and count it."},
	{path: "destinations[].debounce", kind: kindObject, text: "When a changed contact is due."},
	{path: "destinations[].debounce.quiet", kind: kindDuration, def: "5s", min: "0", max: "24h", text: "After this long without a change."},
	{path: "destinations[].debounce.max_wait", kind: kindDuration, def: "60s", min: "0", max: "24h", text: "Or this long after the first change."},
	{path: "destinations[].batch", kind: kindObject, text: "Bounds of one upsert."},
	{path: "destinations[].batch.max_contacts", kind: kindInteger, unit: "contacts", def: "30000", min: "1", max: "30000", text: "SendGrid takes 30,000."},
	{path: "destinations[].batch.max_bytes", kind: kindInteger, unit: "bytes", def: "3500000", min: "10000", max: "6000000", text: "Of the encoded body; SendGrid documents 6 MB and has refused above 4 MiB."},
	{path: "destinations[].guard", kind: kindObject, text: "Removals above both limits are held until an operator approves them."},
	{path: "destinations[].guard.interval", kind: kindDuration, def: "1h", min: "1s", max: "720h", text: "The rolling time over which removals are counted."},
	{path: "destinations[].guard.min_removals", kind: kindInteger, unit: "contacts", def: "500", min: "0", max: "1000000000", text: "Never holds below this many."},
	{path: "destinations[].guard.max_removal_share", kind: kindNumber, unit: "share", def: "0.2", min: "0", max: "1", text: "Share of the most contacts that were listed within the interval."},
}

func textFieldKeys() []key {
	var fields []key
	for _, name := range textFields {
		fields = append(fields, key{
			path: "destinations[].mapping." + name, kind: kindText, pattern: textPattern,
			text: "The attribute that is sent as SendGrid's " + name + ".",
		})
	}
	return fields
}

func join(parts ...[]key) []key {
	var all []key
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
