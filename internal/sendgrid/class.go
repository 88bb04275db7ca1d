package sendgrid

import "rollcall/internal/sendgrid/class"

// Class is what an answer means. Package class tells it, without I/O; the names here are the client's for the same.
type Class = class.Class

// Route is what SendGrid counts requests by.
type Route = class.Route

// The classes; see class.
const (
	BadContacts  = class.BadContacts
	BadRequest   = class.BadRequest
	TooLarge     = class.TooLarge
	Unauthorized = class.Unauthorized
	Forbidden    = class.Forbidden
	NotFound     = class.NotFound
	RateLimited  = class.RateLimited
	TimedOut     = class.TimedOut
	Unavailable  = class.Unavailable
	NoConnection = class.NoConnection
	Ambiguous    = class.Ambiguous
	Malformed    = class.Malformed
	BadFields    = class.BadFields
	OverBudget   = class.OverBudget
)

// The routes that the client uses; see class.
const (
	RouteUpsert      = class.RouteUpsert
	RouteDelete      = class.RouteDelete
	RouteRemove      = class.RouteRemove
	RouteJob         = class.RouteJob
	RouteErrors      = class.RouteErrors
	RouteEmails      = class.RouteEmails
	RouteIdentifiers = class.RouteIdentifiers
	RouteExport      = class.RouteExport
	RouteExportJob   = class.RouteExportJob
	RouteExportFile  = class.RouteExportFile
	RouteLists       = class.RouteLists
	RouteList        = class.RouteList
	RouteFields      = class.RouteFields
	RouteScopes      = class.RouteScopes
	RouteCount       = class.RouteCount
	RouteSuppression = class.RouteSuppression
)

// Routes are all of them, for metrics.
var Routes = class.Routes
