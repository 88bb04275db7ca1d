package segment

import (
	"bytes"
	"strings"
)

// open fills the envelope and the data. A body is read as structured where its content type says so, and
// where there is none and it has a specversion of its own; headers count only where it has not.
func (d *Decoder) open(header map[string][]string, body []byte) *Problem {
	content := headerValue(header, "content-type")
	binary := !hasPrefix(content, "application/cloudevents") && headerValue(header, "ce-specversion") != ""
	if hasPrefix(content, "application/cloudevents-batch") {
		return problem(ReasonUnreadable, "a batch of events: publish each by itself")
	}
	if !binary || content == "" {
		if ScanObject(body, d.visitEnvelope) != nil {
			return problem(ReasonUnreadable, Fault("the body", body))
		}
		binary = binary && d.env.specversion == nil
	}
	if binary {
		d.plain = true
		d.env = envelope{
			specversion: d.header(header, "ce-specversion"), id: d.header(header, "ce-id"),
			source: d.header(header, "ce-source"), kind: d.header(header, "ce-type"), data: bytes.TrimSpace(body),
		}
	}
	switch version, ok := d.attribute(d.env.specversion); {
	case d.env.dataBase64:
		return problem(ReasonUnreadable, "data_base64 is not read: send data as JSON")
	case !ok || len(version) == 0:
		return problem(ReasonUnreadable, d.noText("specversion", d.env.specversion))
	case string(version) != "1.0":
		return problem(ReasonUnreadable, "specversion is not \"1.0\"")
	}
	if len(d.env.data) > 0 && ScanObject(d.env.data, d.visitData) != nil && binary {
		return problem(ReasonUnreadable, Fault("the body", body))
	}
	return nil
}

// attribute returns the text of an attribute of the envelope.
func (d *Decoder) attribute(value []byte) ([]byte, bool) {
	if d.plain {
		return value, len(value) > 0
	}
	return d.text(value)
}

// header returns a header's value as bytes; nil where it is absent.
func (d *Decoder) header(header map[string][]string, name string) []byte {
	v := headerValue(header, name)
	if v == "" {
		return nil
	}
	start := len(d.scratch)
	d.scratch = append(d.scratch, v...)
	return d.scratch[start:]
}

// headerValue returns a header's first value, whatever the case of its name. Of names that differ in
// their case alone the least counts, so that every replica reads the same.
func headerValue(header map[string][]string, name string) (value string) {
	least := ""
	for k, v := range header {
		if len(v) > 0 && strings.EqualFold(k, name) && (least == "" || k < least) {
			least, value = k, v[0]
		}
	}
	return value
}

// hasPrefix is strings.HasPrefix for media types, whose case says nothing.
func hasPrefix(content, prefix string) bool {
	return len(content) >= len(prefix) && strings.EqualFold(content[:len(prefix)], prefix)
}
