package publish

import "encoding/json"

// Preview makes events of rows to be looked at: they are those that would be published, but for their ids.
type Preview struct{ encoder *encoder }

// NewPreview returns one for events of a source.
func NewPreview(source string) *Preview { return &Preview{newEncoder(source, true)} }

// Event is the event of a row; a *RowError where it could not be published.
func (p *Preview) Event(item *Item) (json.RawMessage, error) {
	encode := p.encoder.membership
	if item.Erased {
		encode = func(row Row) (event, error) { return p.encoder.erased(row.Profile, item.Emails) }
	}
	e, err := encode(item.Row)
	if err != nil {
		return nil, err
	}
	return e.msg.Data, nil
}
