// Package telemetry is the metric set of the contract: every series that Rollcall exposes, built once
// from a Registerer, with handles per destination and account.
//
// It guarantees that labels are closed sets and never name a person, that the series of a destination
// exist exactly while this process speaks for it, each from zero, and that every method does nothing on a
// nil handle, so that a caller without metrics passes nil. It measures nothing itself.
package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Metrics is the process's set. The zero value is not usable; nil is a set that counts nothing.
type Metrics struct {
	registrar                          registrar
	active, state, suspended, contacts *prometheus.GaugeVec
	slots, profileCap, accountContacts *prometheus.GaugeVec
	intakePending, oldest, jobs        *prometheus.GaugeVec
	ledgerBytes, budget                *prometheus.GaugeVec
	heldRemovals, letters, refreshed   *prometheus.GaugeVec
	failing                            *prometheus.GaugeVec
	events, operations, fields, dead   *prometheus.CounterVec
	requests, takeovers, advisories    *prometheus.CounterVec
	foreign                            *prometheus.CounterVec
	toApplied, toAccepted              *prometheus.HistogramVec
	requestSeconds, commit             *prometheus.HistogramVec
	buildInfo, configHash, streamUsed  *prometheus.GaugeVec
	ofDestination                      []partial // every vector of a destination but active
}

// partial is what a vector of any type can do to the series of one destination.
type partial interface {
	DeletePartialMatch(labels prometheus.Labels) int
}

// Build names this program and its configuration.
type Build struct {
	Version, Revision, GoVersion string
	ConfigHash                   string
}

// Buckets in seconds: a change takes quiet, a request, and minutes of SendGrid's; an outage hours.
var (
	changeBuckets  = []float64{1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400}
	requestBuckets = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	commitBuckets  = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}
)

// New registers the set. It panics where it is registered already, which is a mistake in the program.
func New(registerer prometheus.Registerer, build Build) *Metrics {
	r := registrar{registerer}
	m := &Metrics{registrar: r}
	m.describeDestinations(r)
	m.describeWork(r)
	m.describeAccounts(r)
	m.advisories = r.counter("broker_advisories_total", "What the broker told of a stream or of a destination's consumer.", "stream", "kind")
	m.streamUsed = r.gauge("stream_used_ratio", "Share of its limit that a stream uses which refuses what is new when it is full.", "stream")
	m.buildInfo = r.gauge("build_info", "The build: constant 1.", "version", "revision", "go_version")
	m.configHash = r.gauge("config_hash_info", "The configuration that is in force here: constant 1.", "hash")
	m.buildInfo.WithLabelValues(build.Version, build.Revision, build.GoVersion).Set(1)
	m.configHash.WithLabelValues(build.ConfigHash).Set(1)
	m.ofDestination = []partial{
		m.state, m.suspended, m.contacts, m.slots, m.profileCap, m.intakePending, m.oldest, m.jobs,
		m.toApplied, m.toAccepted, m.events, m.operations, m.fields, m.dead, m.commit, m.ledgerBytes, m.takeovers, m.foreign,
		m.heldRemovals, m.letters, m.refreshed,
	}
	return m
}

func (m *Metrics) describeDestinations(r registrar) {
	const d = "destination"
	m.active = r.gauge("active", "Whether this replica is the active one of the destination.", d)
	m.state = r.gauge("destination_state", "One-hot: the first of these states that holds.", d, "state")
	m.suspended = r.gauge("suspended_info", "Why the destination is suspended: constant 1 while it is.", d, "reason")
	m.contacts = r.gauge("contacts", "Contacts by how they stand: listed, dirty, and each dirty one in one of the others.", d, "state")
	m.slots = r.gauge("slots", "Slots of the cap that are held: listed, on their way and in doubt.", d)
	m.profileCap = r.gauge("profile_cap", "The configured cap, in contacts; 0 is none.", d)
	m.intakePending = r.gauge("intake_pending", "Events of the stream that are not yet taken over.", d)
	m.oldest = r.gauge("oldest_unapplied_seconds", "Age of the oldest change in a window, on its way or in doubt.", d)
	m.jobs = r.gauge("jobs_in_flight", "SendGrid jobs that are followed.", d)
	m.heldRemovals = r.gauge("held_removals", "Removals that wait for an approval, those of held refreshes included.", d)
	m.letters = r.gauge("dead_letters_present", "Dead letters that are there now, by reason.", d, "reason")
	m.refreshed = r.gauge("segment_last_refresh_timestamp_seconds", "When the last accepted refresh of the segment was published, in Unix time.", d, "segment")
	m.ledgerBytes = r.gauge("ledger_bytes", "Size of the journal and its newest snapshot.", d)
}

func (m *Metrics) describeWork(r registrar) {
	const d = "destination"
	m.toApplied = r.histogram("change_to_applied_seconds", "From the broker's time of the first change not yet applied to its being applied.", changeBuckets, d, "operation")
	m.toAccepted = r.histogram("change_to_accepted_seconds", "From the broker's time of the first change not yet applied to SendGrid's accepting it.", changeBuckets, d, "operation")
	m.events = r.counter("events_total", "Events taken over, by type and what came of them.", d, "type", "result")
	m.operations = r.counter("operations_total", "Operations on contacts, by what came of them.", d, "operation", "outcome")
	m.fields = r.counter("fields_total", "Fields that were not sent as the profile has them.", d, "result")
	m.dead = r.counter("dead_letters_total", "Dead letters by reason.", d, "reason")
	m.commit = r.histogram("commit_seconds", "From publishing a ledger entry to its being durable.", commitBuckets, d)
	m.takeovers = r.counter("takeovers_total", "Times that this process became the active replica.", d)
	m.foreign = r.counter("ledger_foreign_messages_total", "Messages on the ledger's subject that are no entries of Rollcall's; they are passed over.", d)
}

func (m *Metrics) describeAccounts(r registrar) {
	m.accountContacts = r.gauge("account_contacts", "Contacts of the account as SendGrid counts them.", "account", "kind")
	m.requests = r.counter("sendgrid_requests_total", "Requests to SendGrid by route and class of answer; none is no answer.", "account", "route", "class")
	m.requestSeconds = r.histogram("sendgrid_request_seconds", "Duration of requests to SendGrid.", requestBuckets, "account", "route", "class")
	m.failing = r.gauge("sendgrid_failing_since_seconds", "For how long SendGrid has taken nothing of the account while something is to be sent; 0 while it does.", "account")
	m.budget = r.gauge("sendgrid_budget_remaining", "Requests left of the present rate window.", "account", "route")
}

// registrar registers with the namespace that all series share.
type registrar struct{ prometheus.Registerer }

const namespace = "rollcall"

func (r registrar) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	r.MustRegister(vec)
	return vec
}

func (r registrar) counter(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	r.MustRegister(vec)
	return vec
}

func (r registrar) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: buckets,
	}, labels)
	r.MustRegister(vec)
	return vec
}
