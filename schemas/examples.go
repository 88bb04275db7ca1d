package schemas

import (
	"encoding/json"
	"fmt"
)

// Example is an example of an event: what it says, and where it is refused, why.
type Example struct {
	File    string `json:"file"`
	Subject string `json:"subject"`
	Says    string `json:"says"`
	Reason  string `json:"reason,omitempty"` // the dead letter's; empty where the event is good
	// SchemaRefuses tells whether the schema sees it too: it knows neither subjects nor mappings.
	SchemaRefuses bool   `json:"schema_refuses,omitempty"`
	Body          []byte `json:"-"`
}

// Events returns the examples of events.
func Events() ([]Example, error) {
	const dir = "examples/events/"
	index, err := files.ReadFile(dir + "index.json")
	if err != nil {
		return nil, fmt.Errorf("read the index of examples: %w", err)
	}
	var examples []Example
	if err := json.Unmarshal(index, &examples); err != nil {
		return nil, fmt.Errorf("read the index of examples: %w", err)
	}
	for i := range examples {
		if examples[i].Body, err = files.ReadFile(dir + examples[i].File); err != nil {
			return nil, fmt.Errorf("read an example: %w", err)
		}
	}
	return examples, nil
}
