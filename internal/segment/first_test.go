package segment

import "testing"

var sample = []byte(`{"specversion":"1.0","id":"5f0c","source":"/segmentation/eu-1","type":"rollcall.membership.changed.v1","time":"2026-11-23T13:00:00.123Z","datacontenttype":"application/json","data":{"segment_id":"high-value","profile_id":"c0ffee","change":"entered","attributes":{"email":"ada@example.com","first_name":"Ada","country":"GB"}}}`)

func TestDecodeReadsTheContractsExampleWithoutAllocating(t *testing.T) {
	var d Decoder
	ev, p := d.Decode("segments.membership.high-value.c0ffee", nil, sample)
	if p != nil || ev.Kind != Membership || ev.Change != Entered || string(ev.Profile) != "c0ffee" || string(ev.Segment) != "high-value" {
		t.Fatalf("got %+v, %+v", ev, p)
	}
	if n := testing.AllocsPerRun(100, func() { d.Decode("segments.membership.high-value.c0ffee", nil, sample) }); n > 0 {
		t.Fatalf("%v allocations an event", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	var d Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		d.Decode("segments.membership.high-value.c0ffee", nil, sample)
	}
}
