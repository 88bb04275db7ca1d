package pipeline

import "rollcall/internal/sendgrid"

// finishedJob is a job's answer: SendGrid shows counters at once when it has applied it.
func finishedJob(done bool) sendgrid.Job {
	j := sendgrid.Job{Status: "pending", Requested: 1}
	if done {
		j.Updated = 1
	}
	return j
}
