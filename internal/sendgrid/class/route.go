package class

// Route is a method and a path template: what SendGrid counts requests by.
type Route string

// The routes that the client uses.
const (
	RouteUpsert      Route = "PUT contacts"
	RouteDelete      Route = "DELETE contacts"
	RouteRemove      Route = "DELETE lists/{id}/contacts"
	RouteJob         Route = "GET contacts/imports/{id}"
	RouteErrors      Route = "GET errors_url"
	RouteEmails      Route = "POST contacts/search/emails"
	RouteIdentifiers Route = "POST contacts/search/identifiers/{type}"
	RouteExport      Route = "POST contacts/exports"
	RouteExportJob   Route = "GET contacts/exports/{id}"
	RouteExportFile  Route = "GET export file"
	RouteLists       Route = "GET lists"
	RouteList        Route = "GET lists/{id}"
	RouteFields      Route = "GET field_definitions"
	RouteScopes      Route = "GET scopes"
	RouteCount       Route = "GET contacts/count"
	RouteSuppression Route = "GET asm/suppressions/global/{email}"
)

// Routes are all of them, for metrics.
var Routes = []Route{
	RouteUpsert, RouteDelete, RouteRemove, RouteJob, RouteErrors, RouteEmails, RouteIdentifiers, RouteExport,
	RouteExportJob, RouteExportFile, RouteLists, RouteList, RouteFields, RouteScopes, RouteCount, RouteSuppression,
}
